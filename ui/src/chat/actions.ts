import type { MessageView, ReplyView } from '../generated/view';
import { t } from '../i18n/i18n.svelte';
import { announcer } from '../state/announcer.svelte';
import { act } from '../state/session.svelte';

/** What a message asks of the list that it stands in. */
export interface MessageActions {
  edit: (message: MessageView) => void;
  reply: (message: MessageView) => void;
  /** Absent in a thread. */
  thread?: (message: MessageView) => void;
  /** Goes to what a message answers. */
  jump: (to: ReplyView) => void;
}

export function react(roomId: string, message: MessageView, emoji: string): void {
  if (message.id === null) return;
  const set = message.reactions.some((reaction) => reaction.emoji === emoji && reaction.mine);
  void act({ type: 'set_reaction', room_id: roomId, message_id: message.id, emoji, on: !set });
}

export async function pin(roomId: string, message: Pick<MessageView, 'id' | 'pinned'>): Promise<void> {
  if (message.id === null) return;
  const pinned = !message.pinned;
  if (await act({ type: 'set_pinned', room_id: roomId, message_id: message.id, pinned }))
    announcer.say(pinned ? t('message.pinned_done') : t('message.unpinned'));
}

export function jumpToReply(roomId: string, reply: ReplyView): void {
  void act({
    type: 'jump_to',
    room_id: roomId,
    to: reply.seq === null ? { type: 'message', message_id: reply.message_id } : { type: 'place', seq: reply.seq },
  });
}
