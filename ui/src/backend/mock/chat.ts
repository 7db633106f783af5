import type {
  AttachmentView,
  BodyView,
  Command,
  JumpTarget,
  MentionView,
  MessageVersionView,
  MessageView,
  ReactionView,
  ReceiptsView,
  ReplyView,
  Snapshot,
  TimelineView,
} from '../../generated/view';
import { named } from '../../chat/richtext';
import { uploaded } from './files';
import { longTalk, text, threads, versions } from './talk';
import { ME, MINUTE } from './world';

export type ChatCommand = Extract<
  Command,
  {
    type:
      | 'send_message'
      | 'edit_message'
      | 'delete_message'
      | 'retry_message'
      | 'discard_message'
      | 'set_reaction'
      | 'set_pinned'
      | 'load_older'
      | 'load_newer'
      | 'jump_to'
      | 'open_thread'
      | 'close_thread'
      | 'set_draft';
  }
>;

/** The part of the world that messages change. */
export interface World {
  get: () => Snapshot;
  set: (change: Partial<Snapshot>) => void;
  /** Opens another room. */
  open: (roomId: string) => void;
  /** The files of a message that is sent. */
  files: (keys: readonly string[]) => AttachmentView[];
}

const PAGE = 50;
/** How long the relay of this world takes to answer, in ms. */
const SLOW_MS = 250;
const STORED_MS = 300;
const UPLOAD_STEPS = 12;
const UPLOAD_STEP_MS = 120;
/** Scenes that show a part of a long talk. */
const LONG: Record<string, number> = { 'room-jumped': 600, 'room-paged': 600 };

/** Messages as the client core keeps them: the whole talk of each room, of which the window shows a part. */
export class MockChat {
  #talks = new Map<string, MessageView[]>();
  #threads = new Map<string, MessageView[]>(Object.entries(threads()));
  #versions = new Map<string, MessageVersionView[]>(Object.entries(versions()));
  #pinned: string[] = [];
  #next = 100_000;
  #jump = 10;

  constructor(
    private readonly world: World,
    private readonly scene: string,
  ) {}

  send(command: ChatCommand): void {
    switch (command.type) {
      case 'send_message':
        return this.#say(command);
      case 'edit_message':
        return this.#edit(command.message_id, command.text);
      case 'delete_message':
        return this.#change(command.message_id, (message) => ({
          ...message,
          body: { type: 'deleted' },
          reactions: [],
          pinned: false,
          can_edit: false,
          can_delete: false,
          can_pin: false,
          can_answer: false,
        }));
      case 'retry_message':
        return this.#changeClient(command.client_id, (message) => ({ ...message, state: { type: 'stored' } }));
      case 'discard_message':
        return this.#remove(command.client_id);
      case 'set_reaction':
        return this.#change(command.message_id, (message) => ({
          ...message,
          reactions: withReaction(message.reactions, command.emoji, command.on),
        }));
      case 'set_pinned':
        return this.#pin(command.message_id, command.pinned);
      case 'load_older':
        return this.#load(-PAGE);
      case 'load_newer':
        return this.#load(PAGE);
      case 'jump_to':
        return this.#jumpTo(command.room_id, command.to);
      case 'open_thread':
        return this.#openThread(command.room_id, command.message_id);
      case 'close_thread':
        return this.world.set({ thread: null });
      case 'set_draft':
        return this.#timeline((timeline) => ({ ...timeline, draft: command.text }));
    }
  }

  versions(messageId: string): MessageVersionView[] {
    const message = this.#find(messageId);
    if (message?.body.type !== 'text') return [];
    const { text: written, mentions } = message.body;
    return [
      { text: written, mentions, at_ms: message.sent_at_ms + (message.edited ? 9 * MINUTE : 0) },
      ...(this.#versions.get(messageId) ?? []),
    ];
  }

  receipts(): ReceiptsView {
    const others = this.#room()?.members.flatMap((member) => (member.me ? [] : [member.person])) ?? [];
    return { read: others.slice(0, 2), delivered: others.slice(2, 4), waiting: others.slice(4) };
  }

  pins(): MessageView[] {
    const all = this.#talk().filter((message) => message.pinned);
    const order = (message: MessageView) => this.#pinned.indexOf(message.id ?? '');
    return all.sort((a, b) => order(b) - order(a) || (b.seq ?? 0) - (a.seq ?? 0));
  }

  /** A room that is opened shows the end of what is known of it. */
  opened(timeline: TimelineView | null): TimelineView | null {
    const talk = timeline && this.#talks.get(timeline.room.id);
    return timeline && talk
      ? { ...timeline, messages: talk.slice(-2 * PAGE), has_older: talk.length > 2 * PAGE }
      : timeline;
  }

  #room() {
    return this.world.get().timeline?.room ?? null;
  }

  /** All messages of the open room. */
  #talk(): MessageView[] {
    const timeline = this.world.get().timeline;
    if (timeline === null) return [];
    let talk = this.#talks.get(timeline.room.id);
    if (talk === undefined) {
      const count = LONG[this.scene];
      talk = count === undefined ? timeline.messages : longTalk(timeline.room, count).messages;
      this.#talks.set(timeline.room.id, talk);
    }
    return talk;
  }

  #timeline(change: (timeline: TimelineView) => TimelineView): void {
    const { timeline } = this.world.get();
    if (timeline) this.world.set({ timeline: change(timeline) });
  }

  /** Shows `from..to` of the talk. */
  #show(from: number, to: number, more: Partial<TimelineView> = {}): void {
    const talk = this.#talk();
    this.#timeline((timeline) => ({
      ...timeline,
      messages: talk.slice(from, to),
      has_older: from > 0 || (timeline.has_older && LONG[this.scene] === undefined),
      has_newer: to < talk.length,
      loading_older: false,
      loading_newer: false,
      ...more,
    }));
  }

  #part(): [from: number, to: number] {
    const shown = this.world.get().timeline?.messages ?? [];
    const talk = this.#talk();
    const from = talk.findIndex((message) => message.client_id === shown[0]?.client_id);
    return [Math.max(0, from), Math.max(0, from) + shown.length];
  }

  #load(by: number): void {
    const [from, to] = this.#part();
    const length = this.#talk().length;
    if (by < 0 ? from === 0 : to >= length) return;
    this.#timeline((timeline) => ({ ...timeline, loading_older: by < 0, loading_newer: by > 0 }));
    setTimeout(() => {
      const [start, end] = this.#part();
      this.#show(Math.max(0, by < 0 ? start + by : start), Math.min(length, by > 0 ? end + by : end));
    }, SLOW_MS);
  }

  #jumpTo(roomId: string, to: JumpTarget): void {
    if (this.#room()?.id !== roomId) this.world.open(roomId);
    const talk = this.#talk();
    if (to.type === 'newest') return this.#show(Math.max(0, talk.length - 2 * PAGE), talk.length, { focus: null });
    const at = talk.findIndex((message) =>
      to.type === 'place'
        ? message.seq === to.seq
        : to.type === 'message'
          ? message.id === to.message_id
          : message.sent_at_ms >= to.at_ms,
    );
    const index = at < 0 ? talk.length - 1 : at;
    const focus = { seq: talk[index]?.seq ?? 0, jump: this.#jump++ };
    const [from, end] = this.#part();
    if (index >= from && index < end) return this.#timeline((timeline) => ({ ...timeline, focus }));
    this.#show(Math.max(0, index - PAGE), Math.min(talk.length, index + PAGE), { focus });
  }

  #find(messageId: string): MessageView | undefined {
    return [this.#talk(), ...this.#threads.values()].flat().find((message) => message.id === messageId);
  }

  #change(messageId: string, change: (message: MessageView) => MessageView): void {
    this.#rewrite((message) => (message.id === messageId ? change(message) : message));
  }

  #changeClient(clientId: string, change: (message: MessageView) => MessageView): void {
    this.#rewrite((message) => (message.client_id === clientId ? change(message) : message));
  }

  #rewrite(change: (message: MessageView) => MessageView): void {
    const { timeline, thread } = this.world.get();
    if (timeline) this.#talks.set(timeline.room.id, this.#talk().map(change));
    for (const [root, replies] of this.#threads) this.#threads.set(root, replies.map(change));
    this.#timeline((shown) => ({ ...shown, messages: shown.messages.map(change) }));
    if (thread)
      this.world.set({
        thread: { ...thread, root: thread.root && change(thread.root), messages: thread.messages.map(change) },
      });
  }

  #remove(clientId: string): void {
    const stays = (message: MessageView) => message.client_id !== clientId;
    const { timeline } = this.world.get();
    if (timeline) this.#talks.set(timeline.room.id, this.#talk().filter(stays));
    this.#timeline((shown) => ({ ...shown, messages: shown.messages.filter(stays) }));
  }

  #edit(messageId: string, written: string): void {
    const before = this.#find(messageId);
    if (before?.body.type === 'text')
      this.#versions.set(messageId, [
        { text: before.body.text, mentions: before.body.mentions, at_ms: before.sent_at_ms },
        ...(this.#versions.get(messageId) ?? []),
      ]);
    this.#change(messageId, (message) => ({ ...message, body: this.#body(written), edited: true }));
  }

  #pin(messageId: string, pinned: boolean): void {
    this.#pinned = [...this.#pinned.filter((other) => other !== messageId), ...(pinned ? [messageId] : [])];
    this.#change(messageId, (message) => ({ ...message, pinned }));
  }

  #openThread(roomId: string, messageId: string): void {
    if (this.#room()?.id !== roomId) this.world.open(roomId);
    const root = this.#find(messageId) ?? null;
    this.world.set({
      thread: { room_id: roomId, thread_id: messageId, root, messages: [], loading: true, failed: false },
    });
    setTimeout(() => {
      const { thread } = this.world.get();
      if (thread?.thread_id !== messageId) return;
      this.world.set({ thread: { ...thread, messages: this.#threads.get(messageId) ?? [], loading: false } });
    }, SLOW_MS / 2);
  }

  /** A text with the names of those that it mentions. */
  #body(written: string): BodyView {
    const members = this.#room()?.members ?? [];
    const mentions: MentionView[] = [];
    named(written, (id) => {
      const known = members.find((member) => member.person.id === id);
      if (known) mentions.push({ user_id: id, name: known.person.display_name, me: known.me });
      return '';
    });
    return text(written, mentions);
  }

  #reply(messageId: string | null): ReplyView | null {
    const answered = messageId === null ? undefined : this.#find(messageId);
    if (messageId === null || answered === undefined) return null;
    const body = answered.body;
    return {
      message_id: messageId,
      seq: answered.seq,
      sender_name: answered.sender_name,
      mine: answered.mine,
      text:
        body.type === 'text'
          ? named(body.text, (id) => body.mentions.find((mention) => mention.user_id === id)?.name ?? id)
          : '',
      state: body.type === 'deleted' ? 'deleted' : 'known',
    };
  }

  #say(command: Extract<ChatCommand, { type: 'send_message' }>): void {
    const seq = this.#next++;
    const body = this.#body(command.text);
    const written: MessageView = {
      client_id: `c-${seq}`,
      id: null,
      seq: null,
      sender_id: ME.user_id,
      sender_name: ME.display_name,
      mine: true,
      sent_at_ms: Date.now(),
      edited: false,
      reply: this.#reply(command.reply_to),
      thread: null,
      reactions: [],
      pinned: false,
      mentions_me: false,
      body: body.type === 'text' ? { ...body, attachments: this.world.files(command.attachments) } : body,
      state: { type: 'sending' },
      can_edit: false,
      can_delete: false,
      can_pin: false,
      can_answer: false,
    };
    if (command.thread_id === null) this.#append(command.room_id, written);
    else this.#appendReply(command.thread_id, written);
    setTimeout(
      () =>
        this.#changeClient(written.client_id, (message) => ({
          ...message,
          id: `m-${seq}`,
          seq,
          state: { type: 'stored' },
          can_edit: true,
          can_delete: true,
          can_pin: true,
          can_answer: true,
        })),
      command.attachments.length > 0 ? this.#upload(written.client_id) : STORED_MS,
    );
  }

  /** Sends the files of a message piece by piece; how long that takes, in ms. */
  #upload(clientId: string): number {
    for (let step = 1; step <= UPLOAD_STEPS; step++)
      setTimeout(
        () => this.#changeClient(clientId, (message) => uploaded(message, step / UPLOAD_STEPS)),
        step * UPLOAD_STEP_MS,
      );
    return (UPLOAD_STEPS + 1) * UPLOAD_STEP_MS;
  }

  #append(roomId: string, written: MessageView): void {
    this.#talks.set(roomId, [...this.#talk(), written]);
    this.#timeline((timeline) => ({
      ...timeline,
      draft: '',
      messages: timeline.has_newer ? timeline.messages : [...timeline.messages, written],
    }));
  }

  #appendReply(threadId: string, written: MessageView): void {
    const replies = [...(this.#threads.get(threadId) ?? []), written];
    this.#threads.set(threadId, replies);
    this.#change(threadId, (message) => ({
      ...message,
      thread: { replies: replies.length, last_at_ms: written.sent_at_ms },
    }));
    const { thread } = this.world.get();
    if (thread?.thread_id === threadId) this.world.set({ thread: { ...thread, messages: replies } });
  }
}

function withReaction(reactions: readonly ReactionView[], emoji: string, on: boolean): ReactionView[] {
  const known = reactions.find((reaction) => reaction.emoji === emoji);
  if (known === undefined) return on ? [...reactions, { emoji, count: 1, mine: true, names: [] }] : [...reactions];
  if (known.mine === on) return [...reactions];
  return reactions
    .map((reaction) =>
      reaction === known ? { ...reaction, mine: on, count: reaction.count + (on ? 1 : -1) } : reaction,
    )
    .filter((reaction) => reaction.count > 0);
}
