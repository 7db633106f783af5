import type { SystemNotification } from '../backend/backend';
import type { NotificationAbout, NotificationView } from '../generated/view';
import { t } from '../i18n/i18n.svelte';

type MessageAbout = Extract<NotificationAbout, { type: 'message' }>;

/** What a notification of the system says, in the person's language. */
export function notificationOf(view: NotificationView): SystemNotification {
  const message = view.about.type === 'message' ? view.about : null;
  return {
    room_id: view.room_id,
    thread_id: message?.thread_id ?? null,
    message_id: message?.message_id ?? null,
    seq: message?.seq ?? null,
    title: view.group ? t('notify.in_room', { name: view.sender, room: view.room_title }) : view.sender,
    body: [bodyOf(view.about), moreOf(view.count)].filter((line) => line !== '').join('\n'),
    reply_label: message === null ? null : t('notify.reply'),
    reply_placeholder: t('notify.reply_placeholder'),
    open_label: t('notify.open'),
    sound: view.sound,
  };
}

function bodyOf(about: NotificationAbout): string {
  switch (about.type) {
    case 'missed_call':
      return t('home.missed_call');
    case 'message':
      return about.text || withoutText(about);
  }
}

/** What is told of a message that has no text, or whose text is not to be seen. */
function withoutText(about: MessageAbout): string {
  if (about.text === null) return about.mention ? t('notify.hidden_mention') : t('notify.hidden');
  const files = [
    about.images > 0 ? t('files.pictures', { count: about.images }) : '',
    about.files > 0 ? t('files.files', { count: about.files }) : '',
  ].filter((part) => part !== '');
  return files.length > 0 ? files.join(', ') : t('notify.hidden');
}

/** The messages that were told of before this one and are not read. */
function moreOf(count: number): string {
  return count > 1 ? t('notify.more', { count: count - 1 }) : '';
}
