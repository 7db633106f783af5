import type {
  Command,
  CommandError,
  ExportFormat,
  DraftFile,
  Me,
  Query,
  RoomItem,
  SearchResults,
  Snapshot,
  TimelineView,
  ViewEvent,
} from '../../generated/view';
import type { Answers, Backend, FileVariant, FrameSocket, OpenRequest, SystemNotification } from '../backend';
import { detailsOf, noiseFloorOf, statsOf } from './figures';
import { MockAccount } from './account';
import { MockChat } from './chat';
import { MockExports } from './exports';
import { MockFiles } from './files';
import { MockInvites } from './invites';
import { FakeFrameSocket } from './pictures';
import { searchIn } from './search';
import { caughtUp, openRoom, snapshotOf, talkOf } from './scenes';
import { ME, NOW, RELAY, roomsView } from './world';

const EVENT_DELAY_MS = 5;
const PULSE_MS = 120;
/** When the relay of `room-behind` is back, in ms after the start. */
const BACK_MS = 700;

const refuse = (code: CommandError['code'], field: string | null, message: string): CommandError => ({
  code,
  field,
  message,
  retry_after_s: null,
});

/** An invented world behind the window: answers commands believably and forgets everything on reload. */
export class MockBackend implements Backend {
  #world: Snapshot;
  #files: MockFiles;
  #chat: MockChat;
  #account = new MockAccount();
  #invites: MockInvites;
  #exports: MockExports;
  #openers = new Set<(request: OpenRequest) => void>();
  /** What was shown outside of the window, the newest last. */
  readonly notified: SystemNotification[] = [];
  #listeners = new Set<(event: ViewEvent) => void>();
  #next = 10_000;
  /** How long a microphone has been open, in ms. */
  #listening = 0;

  constructor(private readonly scene: string) {
    this.#world = snapshotOf(scene);
    this.#files = new MockFiles(scene);
    this.#invites = new MockInvites(scene);
    this.#exports = new MockExports(scene, (view) => this.#set({ export: view }));
    this.#chat = new MockChat(
      {
        get: () => this.#world,
        set: (change) => this.#set(change),
        open: (roomId) => this.#open(roomId),
        files: (keys) => this.#files.attachments(keys),
      },
      scene,
    );
    setInterval(() => this.#pulse(), PULSE_MS);
    setInterval(() => this.#stats(), 1_000);
    if (scene === 'room-behind') setTimeout(() => this.#set(caughtUp(this.#world)), BACK_MS);
  }

  async ask<Q extends Query>(query: Q): Promise<Answers[Q['type']]> {
    const answers: { [T in Query['type']]: () => Answers[T] | Promise<Answers[T]> } = {
      snapshot: () => this.#world,
      frames: () => ({ url: 'ws://127.0.0.1:0/frames', token: 'mock' }),
      public_rooms: () =>
        [{ id: 'r-open', name: 'Book exchange', topic: 'Bring one, take one', member_count: 48 }].filter(
          (room) => query.type === 'public_rooms' && room.name.toLowerCase().includes(query.query.toLowerCase()),
        ),
      call_details: () => {
        if (this.scene === 'call-details-failed') throw refuse('offline', null, 'The relay does not answer.');
        return detailsOf(this.scene, query.type === 'call_details' ? query.call_id : '');
      },
      search: () => this.#search(query as Extract<Query, { type: 'search' }>),
      history_usage: () => this.#account.usage,
      profile: () => {
        if (this.scene === 'profile-failed') throw refuse('offline', null, 'The relay does not answer.');
        return this.#account.profile;
      },
      signed_in_devices: () => this.#account.devices,
      message_versions: () => (query.type === 'message_versions' ? this.#chat.versions(query.message_id) : []),
      receipts: () => this.#chat.receipts(),
      pins: () => this.#chat.pins(),
      create_invite: () => this.#invites.create(query as Extract<Query, { type: 'create_invite' }>),
      invites: () => this.#invites.list((query as Extract<Query, { type: 'invites' }>).room_id),
      invite_info: () => this.#invites.info((query as Extract<Query, { type: 'invite_info' }>).link),
      relay: () => this.#invites.relay((query as Extract<Query, { type: 'relay' }>).relay_url),
    };
    return answers[query.type]() as Answers[Q['type']];
  }

  async subscribe(listener: (event: ViewEvent) => void): Promise<() => void> {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  openFrames(): FrameSocket {
    return new FakeFrameSocket('mock');
  }

  attach(file: File): Promise<DraftFile> {
    return this.#files.attach(file);
  }

  saveFile(): Promise<boolean> {
    return this.#files.save();
  }

  fileUrl(key: string, variant: FileVariant): string {
    return this.#files.url(key, variant === 'thumbnail');
  }

  async messagesShown(): Promise<void> {}

  openLink(): void {}

  async notify(notification: SystemNotification): Promise<void> {
    this.notified.push(notification);
  }

  async notificationsAvailable(): Promise<boolean> {
    return this.scene !== 'no-notifications';
  }

  async onOpenRoom(listener: (request: OpenRequest) => void): Promise<() => void> {
    this.#openers.add(listener);
    return () => this.#openers.delete(listener);
  }

  /** Somebody pressed a notification. */
  press(request: OpenRequest): void {
    for (const listener of this.#openers) listener(request);
  }

  exportRoom(roomId: string, _format: ExportFormat): Promise<boolean> {
    return this.#exports.room(this.#world.rooms.rooms.find((room) => room.id === roomId)?.title ?? '');
  }

  exportData(): Promise<boolean> {
    return this.#exports.data();
  }

  async send(command: Command): Promise<void> {
    const world = this.#world;
    switch (command.type) {
      case 'sign_up':
        if (command.email.startsWith('taken'))
          throw refuse('conflict', 'email', 'There is an account with this e-mail.');
        if (command.registration_code?.includes('old'))
          throw refuse('invalid_argument', 'registration_code', 'This code is not valid.');
        return this.#signIn(command.display_name);
      case 'join_as_guest':
        if (command.display_name === 'Full') throw refuse('conflict', null, 'The room is full.');
        return this.#set({
          ...snapshotOf('guest'),
          session: {
            type: 'signed_in',
            relay_url: RELAY,
            me: { ...ME, display_name: command.display_name, role: 'guest', avatar: null, status_text: '' },
          },
        });
      case 'sign_in':
        if (command.password === 'wrong-password')
          throw refuse('unauthenticated', null, 'The e-mail or the password is not right.');
        if (command.relay_url.includes('away')) throw refuse('offline', null, 'The relay does not answer.');
        return this.#signIn(ME.display_name);
      case 'sign_out':
        return this.#signOut(null);
      case 'change_password':
        if (command.old_password === 'wrong-password')
          throw refuse('forbidden', 'old_password', 'The password is not right.');
        return;
      case 'delete_account':
        if (command.password === 'wrong-password') throw refuse('forbidden', 'password', 'The password is not right.');
        return this.#signOut('deleted');
      case 'set_notifications': {
        const { enabled, show_text, sound } = command;
        const notifications = { ...world.settings.notifications, enabled, show_text, sound };
        return this.#set({ settings: { ...world.settings, notifications } });
      }
      case 'set_do_not_disturb': {
        const notifications = { ...world.settings.notifications, do_not_disturb: command.do_not_disturb };
        return this.#set({ settings: { ...world.settings, notifications } });
      }
      case 'cancel_export':
        return this.#exports.cancel();
      case 'revoke_invite':
        return this.#invites.revoke(command.invite_id);
      case 'set_notify':
        if (this.scene === 'offline') throw refuse('offline', null, 'The relay does not answer.');
        this.#room(command.room_id, { notify: command.level });
        return this.#timeline((timeline) =>
          timeline.room.id === command.room_id
            ? { ...timeline, room: { ...timeline.room, notify: command.level } }
            : timeline,
        );
      case 'set_guests':
        return this.#timeline((timeline) => ({ ...timeline, room: { ...timeline.room, guests: command.guests } }));
      case 'change_member':
        return this.#timeline((timeline) => ({
          ...timeline,
          room: {
            ...timeline.room,
            members: timeline.room.members.map((member) =>
              member.person.id === command.user_id ? { ...member, role: command.role } : member,
            ),
          },
        }));
      case 'unlock':
        return command.passphrase === 'open sesame'
          ? this.#signIn(ME.display_name)
          : this.#set({ session: { type: 'locked', wrong: true } });
      case 'search_people': {
        if (this.scene === 'search-failed')
          return this.#set({ people: { ...world.people, query: command.query, failed: true, people: [] } });
        const people = snapshotOf(this.scene).people.people.filter((person) =>
          person.display_name.toLowerCase().includes(command.query.toLowerCase()),
        );
        return this.#set({ people: { query: command.query, loading: false, failed: false, people } });
      }
      case 'open_room':
        return this.#open(command.room_id);
      case 'open_direct':
        return this.#openDirect(command.user_id);
      case 'create_group':
        return this.#create(command.name);
      case 'close_room':
        return this.#set({ timeline: null, thread: null });
      case 'send_message':
      case 'edit_message':
      case 'delete_message':
      case 'retry_message':
      case 'discard_message':
      case 'set_reaction':
      case 'set_pinned':
      case 'load_older':
      case 'load_newer':
      case 'jump_to':
      case 'open_thread':
      case 'close_thread':
      case 'set_draft':
        return this.#chat.send(command);
      case 'set_favourite':
        return this.#person(command.user_id, { favourite: command.favourite });
      case 'set_blocked':
        return this.#person(command.user_id, { blocked: command.blocked });
      case 'rename_room':
        return this.#timeline((timeline) => ({
          ...timeline,
          room: { ...timeline.room, title: command.name, topic: command.topic },
        }));
      case 'leave_room':
      case 'delete_room':
        return this.#set({
          rooms: roomsView(world.rooms.rooms.filter((room) => room.id !== command.room_id)),
        });
      case 'start_call':
        return this.#startCall(command.room_id, command.camera, command.muted);
      case 'accept_call':
        return world.call
          ? this.#set({
              call: {
                ...snapshotOf('call').call!,
                camera_on: command.camera,
                muted: command.muted,
                self_stream: command.camera ? 0 : null,
              },
            })
          : undefined;
      case 'decline_call':
        return this.#set({ call: null });
      case 'hang_up':
        return this.#hangUp();
      case 'set_muted':
        return world.call
          ? this.#set({
              call: {
                ...world.call,
                muted: command.muted,
                speaking_while_muted: world.call.speaking_while_muted && command.muted,
              },
            })
          : undefined;
      case 'set_camera':
        return world.call
          ? this.#set({ call: { ...world.call, camera_on: command.on, self_stream: command.on ? 0 : null } })
          : undefined;
      case 'choose_device': {
        const key = `${command.kind}s` as const;
        return this.#set({
          devices: {
            ...world.devices,
            [key]: world.devices[key].map((item) => ({ ...item, chosen: item.id === command.id })),
          },
        });
      }
      case 'start_preview':
        return this.#set({
          devices: {
            ...world.devices,
            previewing: true,
            preview_stream: command.camera && world.devices.problems.length === 0 ? 1 : null,
          },
        });
      case 'stop_preview':
        return this.#set({ devices: { ...world.devices, previewing: false, preview_stream: null } });
      case 'play_test_sound':
        return void (await new Promise((done) => setTimeout(done, 900)));
      case 'set_appearance':
        return this.#set({
          settings: { ...world.settings, theme: command.theme, accent: command.accent, density: command.density },
        });
      case 'set_language':
        return this.#set({ settings: { ...world.settings, language: command.language } });
      case 'discard_file':
        return this.#files.discard(command.key);
      case 'set_retention':
        return this.#set({ settings: { ...world.settings, retention_days: command.days } });
      case 'wipe_history':
        this.#account.usage = { bytes: 40_960, messages: 0, oldest_at_ms: null };
        return;
      case 'change_profile': {
        const { display_name, status_text, bio } = command;
        this.#account.profile = { ...this.#account.profile, display_name, status_text, bio };
        return this.#changeMe({ display_name, status_text });
      }
      case 'set_avatar':
        this.#account.profile = { ...this.#account.profile, avatar: command.key };
        return this.#changeMe({ avatar: command.key });
      case 'set_room_avatar':
        this.#timeline((timeline) => ({ ...timeline, room: { ...timeline.room, avatar: command.key } }));
        return this.#room(command.room_id, { avatar: command.key });
      case 'revoke_device':
        this.#account.devices = this.#account.devices.filter((device) => device.id !== command.device_id);
        return;
      case 'revoke_other_devices':
        this.#account.devices = this.#account.devices.filter((device) => device.current);
        return;
      case 'set_volume':
        return world.call
          ? this.#set({
              call: {
                ...world.call,
                participants: world.call.participants.map((other) =>
                  other.id === command.participant_id ? { ...other, volume_pct: command.volume_pct } : other,
                ),
              },
            })
          : undefined;
      case 'set_join_choice':
        return this.#set({ settings: { ...world.settings, join: command.join } });
      case 'set_voice':
        return this.#set({ settings: { ...world.settings, voice: command.voice } });
      case 'set_relay_only':
        return this.#set({ settings: { ...world.settings, relay_only: command.relay_only } });
      case 'reconnect':
        return this.#set({ connection: { type: 'online' } });
      case 'join_by_invite':
        await this.#invites.info(command.code);
        return this.#open('r-lunch');
      case 'keep_secrets':
      case 'join_room':
      case 'archive_room':
      case 'add_members':
      case 'remove_member':
      case 'mark_read':
      case 'set_typing':
      case 'discard_file':
      case 'set_retention':
      case 'wipe_history':
      case 'change_profile':
      case 'set_avatar':
      case 'set_room_avatar':
      case 'revoke_device':
      case 'revoke_other_devices':
      case 'watch_devices':
      case 'set_idle':
      case 'set_in_front':
        return;
    }
  }

  /** The relay may be slow, or away; the device has the newer half. */
  async #search(query: Extract<Query, { type: 'search' }>): Promise<SearchResults> {
    if (this.scene === 'search-slow' || (this.scene === 'search-filling' && query.source === 'relay'))
      await new Promise((never) => setTimeout(never, 600_000));
    if (this.scene === 'search-broken') throw refuse('storage', null, 'The history could not be read.');
    if (query.source === 'relay') {
      await new Promise((soon) => setTimeout(soon, 120));
      if (this.scene === 'search-relay-failed') throw refuse('unavailable', null, 'The relay does not answer.');
    }
    return searchIn(talkOf(this.#world, query.source), query);
  }

  #changeMe(change: Partial<Me>): void {
    const { session } = this.#world;
    if (session.type === 'signed_in') this.#set({ session: { ...session, me: { ...session.me, ...change } } });
  }

  #set(change: Partial<Snapshot>): void {
    this.#world = { ...this.#world, ...change };
    for (const type of Object.keys(change) as (keyof Snapshot)[])
      this.#emit({ type, value: this.#world[type] } as ViewEvent);
  }

  /** Events come after the answer of their command, as they may from the shell. */
  #emit(event: ViewEvent): void {
    setTimeout(() => {
      for (const listener of this.#listeners) listener(event);
    }, EVENT_DELAY_MS);
  }

  #signIn(name: string): void {
    this.#set({
      ...snapshotOf('home-empty'),
      session: { type: 'signed_in', relay_url: 'https://relay.nordlicht.example', me: { ...ME, display_name: name } },
    });
  }

  #open(roomId: string): void {
    if (this.#world.thread !== null) this.#set({ thread: null });
    this.#set({ timeline: this.#chat.opened(openRoom(this.#world, roomId)) });
  }

  #openDirect(userId: string): void {
    const known = this.#world.rooms.rooms.find((room) => room.peer?.id === userId);
    if (known) return this.#open(known.id);
    const peer = this.#world.people.people.find((person) => person.id === userId);
    if (!peer) throw refuse('not_found', 'user_id', 'There is no such person.');
    const item = {
      id: `r-${userId}`,
      kind: 'direct' as const,
      title: peer.display_name,
      peer,
      unread: 0,
      mentions: 0,
      avatar: peer.avatar,
      preview: { type: 'empty' as const },
      last_at_ms: null,
      typing: [],
      in_call: false,
      archived: false,
      notify: 'all' as const,
    };
    this.#set({ rooms: roomsView([item, ...this.#world.rooms.rooms]) });
    this.#open(item.id);
  }

  #create(name: string): void {
    const item = {
      id: `r-${this.#next++}`,
      kind: 'group' as const,
      title: name,
      peer: null,
      unread: 0,
      mentions: 0,
      avatar: null,
      preview: { type: 'empty' as const },
      last_at_ms: NOW,
      typing: [],
      in_call: false,
      archived: false,
      notify: 'all' as const,
    };
    this.#set({ rooms: roomsView([item, ...this.#world.rooms.rooms]) });
    this.#open(item.id);
  }

  #room(roomId: string, change: Partial<RoomItem>): void {
    const rooms = this.#world.rooms.rooms.map((room) => (room.id === roomId ? { ...room, ...change } : room));
    this.#set({ rooms: roomsView(rooms) });
  }

  #signOut(reason: string | null): void {
    this.#set({
      session: { type: 'signed_out', relay_url: RELAY, keeping: 'keyring', reason },
      timeline: null,
      thread: null,
      call: null,
      export: null,
    });
  }

  #timeline(change: (timeline: TimelineView) => TimelineView): void {
    if (this.#world.timeline) this.#set({ timeline: change(this.#world.timeline) });
  }

  #person(userId: string, change: { favourite?: boolean; blocked?: boolean }): void {
    this.#set({
      people: {
        ...this.#world.people,
        people: this.#world.people.people.map((person) => (person.id === userId ? { ...person, ...change } : person)),
      },
    });
    this.#timeline((timeline) => ({
      ...timeline,
      room: {
        ...timeline.room,
        peer: timeline.room.peer?.id === userId ? { ...timeline.room.peer, ...change } : timeline.room.peer,
      },
    }));
  }

  #startCall(roomId: string, camera: boolean, muted: boolean): void {
    const room = this.#world.rooms.rooms.find((item) => item.id === roomId);
    const call = {
      ...snapshotOf('outgoing').call!,
      room_id: roomId,
      title: room?.title ?? '',
      peer_id: room?.peer?.id ?? null,
      camera_on: camera,
      muted,
      self_stream: camera ? 0 : null,
    };
    this.#set({ call });
    setTimeout(() => {
      if (this.#world.call?.phase.type !== 'outgoing') return;
      const other = {
        ...snapshotOf('call').call!.participants[0]!,
        display_name: call.title,
        user_id: call.peer_id ?? roomId,
      };
      this.#set({
        call: { ...this.#world.call, phase: { type: 'active', since_ms: Date.now() }, participants: [other] },
      });
    }, 2_500);
  }

  #hangUp(): void {
    if (!this.#world.call) return;
    this.#set({
      call: { ...this.#world.call, phase: { type: 'ended', reason: 'hung_up' }, participants: [], self_stream: null },
    });
    setTimeout(() => this.#set({ call: null }), 2_500);
  }

  #pulse(): void {
    const { call, devices } = this.#world;
    if (call?.phase.type !== 'active' && !devices.previewing) {
      this.#listening = 0;
      return;
    }
    this.#listening += PULSE_MS;
    const level = (phase: number) => Math.max(0, Math.sin(Date.now() / 380 + phase)) * 0.4;
    this.#emit({
      type: 'levels',
      value: {
        microphone: devices.problems.some((problem) => problem.device === 'microphone') ? 0 : level(0),
        noise_floor_db: noiseFloorOf(this.scene, this.#listening),
        participants: (call?.participants ?? []).map((other, index) => ({ id: other.id, level: level(2 + 2 * index) })),
      },
    });
  }

  #stats(): void {
    const { call } = this.#world;
    if (call?.phase.type !== 'active' && call?.phase.type !== 'reconnecting') return;
    this.#emit({ type: 'call_stats', value: { participants: statsOf(this.scene, call, Date.now()) } });
  }
}
