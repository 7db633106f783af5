import type {
  CallView,
  DoNotDisturb,
  HistoryProtection,
  MessageView,
  ParticipantView,
  RoomDetails,
  RoomItem,
  SearchSource,
  Snapshot,
} from '../../generated/view';
import { fileTalk, filesOf, lostTalk, uploadTalk } from './fileTalk';
import { hostileTalk, longTalk, richTalk, stateTalk, threads } from './talk';
import { details, ECHO, HOUR, ME, home, inRoom, MINUTE, NOW, PEOPLE, RELAY, roomsView } from './world';

const signedOut = (more: Partial<Extract<Snapshot['session'], { type: 'signed_out' }>> = {}): Snapshot => ({
  ...home(),
  connection: { type: 'idle' },
  rooms: roomsView([]),
  people: { query: '', loading: false, failed: false, people: [] },
  session: { type: 'signed_out', relay_url: RELAY, keeping: 'keyring', reason: null, ...more },
});

function participant(key: string, stream: number | null, more: Partial<ParticipantView> = {}): ParticipantView {
  const person = PEOPLE[key] ?? ECHO;
  return {
    id: `p-${key}`,
    user_id: person.id,
    display_name: person.display_name,
    stream,
    microphone_on: true,
    camera_on: true,
    volume_pct: 100,
    connection: 'connected',
    ...more,
  };
}

function call(more: Partial<CallView> = {}): CallView {
  return {
    call_id: 'call-1',
    room_id: 'r-jisoo',
    title: PEOPLE.jisoo!.display_name,
    peer_id: PEOPLE.jisoo!.id,
    phase: { type: 'active', since_ms: NOW - 7 * MINUTE - 12_000 },
    muted: false,
    speaking_while_muted: false,
    camera_on: true,
    self_stream: 0,
    participants: [participant('jisoo', 2)],
    problems: [],
    ...more,
  };
}

const inCall = (more: Partial<CallView> = {}, room = 'r-jisoo'): Snapshot => ({ ...inRoom(room), call: call(more) });

/** What `?mock=` may name. */
export const SCENES: Record<string, () => Snapshot> = {
  starting: () => ({ ...signedOut(), session: { type: 'starting' } }),
  locked: () => ({ ...signedOut(), session: { type: 'locked', wrong: false } }),
  'locked-wrong': () => ({ ...signedOut(), session: { type: 'locked', wrong: true } }),
  'sign-up': () => signedOut(),
  'sign-in': () => signedOut({ reason: 'expired' }),
  'sign-up-invite': () => signedOut(),
  'sign-in-closed': () => signedOut({ reason: 'expired' }),
  goodbye: () => signedOut({ reason: 'deleted' }),
  'guest-keeping': () => signedOut({ keeping: 'undecided' }),
  'keep-choice': () => signedOut({ keeping: 'undecided' }),
  'home-loading': () => ({
    ...home(),
    connection: { type: 'connecting' },
    rooms: roomsView([], true),
    people: { query: '', loading: true, failed: false, people: [] },
  }),
  'home-empty': () => ({
    ...home(),
    rooms: roomsView([]),
    people: { query: '', loading: false, failed: false, people: [ECHO] },
  }),
  home,
  'search-failed': () => ({ ...home(), people: { query: 'ma', loading: false, failed: true, people: [] } }),
  offline: () => ({ ...inRoom('r-jisoo'), connection: { type: 'offline', retry_in_s: 14 } }),
  room: () => inRoom('r-design'),
  'room-direct': () => inRoom('r-jisoo'),
  'room-rtl': () => inRoom('r-noam'),
  'room-empty': () => inRoom('r-echo'),
  'room-loading': () => {
    const world = inRoom('r-design');
    return { ...world, timeline: { ...world.timeline!, messages: [], loading: true } };
  },
  'room-states': () => {
    const world = inRoom('r-jisoo');
    return { ...world, timeline: stateTalk(world.timeline!.room) };
  },
  'room-long': () => {
    const world = inRoom('r-design');
    return { ...world, timeline: longTalk(world.timeline!.room, 5_000) };
  },
  'room-huge': () => {
    const world = inRoom('r-design');
    return { ...world, timeline: { ...longTalk(world.timeline!.room, 100_000), has_older: false } };
  },
  'room-rich': () => {
    const world = inRoom('r-design');
    return { ...world, timeline: richTalk(world.timeline!.room) };
  },
  'room-thread': () => {
    const world = inRoom('r-design');
    const timeline = richTalk(world.timeline!.room);
    const root = timeline.messages[2]!;
    return {
      ...world,
      timeline,
      thread: {
        room_id: timeline.room.id,
        thread_id: root.id!,
        root,
        messages: threads()[root.id!]!,
        loading: false,
        failed: false,
      },
    };
  },
  'room-hostile': () => {
    const world = inRoom('r-design');
    return { ...world, timeline: hostileTalk(world.timeline!.room) };
  },
  'room-jumped': () => {
    const world = inRoom('r-design');
    const timeline = longTalk(world.timeline!.room, 600);
    return {
      ...world,
      rooms: {
        ...world.rooms,
        rooms: world.rooms.rooms.map((room) => (room.id === 'r-design' ? { ...room, unread: 27, mentions: 2 } : room)),
      },
      timeline: {
        ...timeline,
        messages: timeline.messages.slice(200, 300),
        has_newer: true,
        focus: { seq: 251, jump: 1 },
      },
    };
  },
  /** Opened from the disk; what was said meanwhile comes soon: see `caughtUp`. */
  'room-behind': () => {
    const world = inRoom('r-design');
    const timeline = longTalk(world.timeline!.room, 600);
    return { ...world, timeline: { ...timeline, messages: timeline.messages.slice(500, 573) } };
  },
  'room-older-failed': () => {
    const world = inRoom('r-design');
    return { ...world, timeline: { ...longTalk(world.timeline!.room, 8), older_failed: true } };
  },
  'room-joinable': () => inRoom('r-lunch'),
  'room-blocked': () => {
    const world = inRoom('r-amara');
    const peer = { ...PEOPLE.amara!, blocked: true };
    return { ...world, timeline: { ...world.timeline!, room: { ...world.timeline!.room, peer } } };
  },
  incoming: () => ({
    ...inRoom('r-design'),
    call: call({ phase: { type: 'incoming' }, self_stream: null, participants: [] }),
  }),
  outgoing: () => inCall({ phase: { type: 'outgoing' }, participants: [] }),
  connecting: () =>
    inCall({ phase: { type: 'connecting' }, participants: [participant('jisoo', null, { connection: 'connecting' })] }),
  call: () => inCall(),
  'call-camera-off': () =>
    inCall({
      muted: true,
      camera_on: false,
      self_stream: null,
      participants: [participant('jisoo', null, { camera_on: false, microphone_on: false })],
    }),
  'call-reconnecting': () =>
    inCall({
      phase: { type: 'reconnecting', since_ms: NOW - 9 * MINUTE },
      participants: [participant('jisoo', 2, { connection: 'reconnecting' })],
    }),
  'call-problems': () =>
    inCall({
      self_stream: null,
      problems: [
        { device: 'camera', code: 'busy', name: 'Logitech Brio 4K' },
        { device: 'microphone', code: 'gone', name: 'Shure MV7+' },
      ],
    }),
  'call-muted-hint': () => inCall({ muted: true, speaking_while_muted: true }),
  'quality-your_upload': () => inCall(),
  'quality-their_upload': () => inCall(),
  'quality-loss': () => inCall(),
  'quality-delay': () => inCall(),
  'quality-their_microphone': () => inCall(),
  'quality-your_microphone': () => inCall({ problems: [{ device: 'microphone', code: 'silent', name: 'Shure MV7+' }] }),
  'quality-video_paused': () => inCall({ participants: [participant('jisoo', null)] }),
  'quality-reconnecting': () =>
    inCall({
      phase: { type: 'reconnecting', since_ms: NOW - 9 * MINUTE },
      participants: [participant('jisoo', 2, { connection: 'reconnecting' })],
    }),
  'before-call': () => inRoom('r-jisoo'),
  'before-join': () => inRoom('r-lunch'),
  'before-listening': () => inRoom('r-jisoo'),
  'before-noise': () => inRoom('r-jisoo'),
  'before-loud': () => inRoom('r-jisoo'),
  'before-off': () => {
    const world = inRoom('r-jisoo');
    return { ...world, settings: { ...world.settings, join: { camera: false, muted: true } } };
  },
  'before-problems': () => {
    const world = inRoom('r-jisoo');
    return {
      ...world,
      devices: {
        ...world.devices,
        problems: [
          { device: 'camera', code: 'busy', name: 'Logitech Brio 4K' },
          { device: 'microphone', code: 'silent', name: 'Shure MV7+' },
        ],
      },
    };
  },
  'before-none': () => {
    const world = inRoom('r-jisoo');
    const problems = [
      { device: 'camera' as const, code: 'not_found' as const, name: null },
      { device: 'microphone' as const, code: 'not_found' as const, name: null },
    ];
    return { ...world, devices: { ...world.devices, cameras: [], microphones: [], problems } };
  },
  'call-details': () => inRoom('r-design'),
  'call-details-none': () => inRoom('r-design'),
  'call-details-failed': () => inRoom('r-design'),
  'settings-no-echo': () => {
    const world = home();
    return {
      ...world,
      rooms: roomsView(world.rooms.rooms.filter((room) => !room.peer?.bot)),
      people: { ...world.people, people: Object.values(PEOPLE) },
    };
  },
  'call-grid': () => ({
    ...inCall(
      {
        room_id: 'r-design',
        title: 'Harbour project',
        peer_id: null,
        participants: [
          participant('jisoo', 2),
          participant('lucia', 3),
          participant('tobias', null, { camera_on: false }),
          participant('arjun', 4, { microphone_on: false }),
          participant('sofie', 5),
        ],
      },
      'r-design',
    ),
  }),
  'call-bar': () => ({ ...inRoom('r-design'), call: call() }),
  'call-ended': () => inCall({ phase: { type: 'ended', reason: 'no_answer' }, participants: [], self_stream: null }),
  settings: home,
  'settings-problems': () => {
    const world = home();
    return {
      ...world,
      devices: { ...world.devices, cameras: [], problems: [{ device: 'camera', code: 'not_found', name: null }] },
    };
  },
  'group-details': () => inRoom('r-design'),
  'invites-none': () => inRoom('r-design'),
  'invites-failed': () => inRoom('r-design'),
  moderator: () => {
    const world = inRoom('r-design');
    return { ...world, timeline: { ...world.timeline!, room: { ...world.timeline!.room, my_role: 'moderator' } } };
  },
  guest: () => asGuest(inRoom('r-design')),
  'guest-home': () => ({ ...asGuest(home()), people: { query: '', loading: false, failed: false, people: [] } }),
  quiet: () => quietUntil({ type: 'until', at_ms: Date.now() + HOUR }),
  'quiet-on': () => quietUntil({ type: 'on' }),
  'no-notifications': home,
  exporting: () => ({ ...inRoom('r-design'), export: { room: 'Harbour project', done: 12_400, total: 41_872 } }),
  'exporting-data': () => ({ ...home(), export: { room: null, done: 48_300_000, total: null } }),
  'export-failed': () => inRoom('r-design'),
  'search-offline': () => ({ ...inRoom('r-design'), connection: { type: 'offline', retry_in_s: 14 } }),
  files: () => inTalk(fileTalk),
  'files-uploading': () => inTalk(uploadTalk),
  'files-lost': () => inTalk(lostTalk),
  'profile-failed': home,
  ...Object.fromEntries(
    (['keyring', 'passphrase', 'session', 'none'] as const).map((protection) => [
      `history-${protection}`,
      () => protectedBy(protection),
    ]),
  ),
};

/** The relay is back: all that was said meanwhile comes at once. */
export function caughtUp(world: Snapshot): Pick<Snapshot, 'rooms' | 'timeline'> {
  const timeline = world.timeline!;
  const { messages } = longTalk(timeline.room, 600);
  const unread = messages.slice(573).filter((message) => !message.mine).length;
  const rooms = world.rooms.rooms.map((room) => (room.id === timeline.room.id ? { ...room, unread } : room));
  return { rooms: roomsView(rooms), timeline: { ...timeline, messages: messages.slice(500) } };
}

function asGuest(world: Snapshot): Snapshot {
  const me = { ...ME, display_name: 'Jonas', role: 'guest' as const, avatar: null, status_text: '' };
  const rooms = roomsView(world.rooms.rooms.filter((room) => room.id === 'r-design'));
  const timeline = world.timeline && {
    ...world.timeline,
    room: { ...world.timeline.room, my_role: 'member' as const },
  };
  return { ...world, rooms, timeline, session: { type: 'signed_in', relay_url: RELAY, me } };
}

function quietUntil(do_not_disturb: DoNotDisturb): Snapshot {
  const world = home();
  const notifications = { ...world.settings.notifications, do_not_disturb };
  return { ...world, settings: { ...world.settings, notifications } };
}

function inTalk(talk: (room: RoomDetails) => Snapshot['timeline']): Snapshot {
  const world = inRoom('r-design');
  return { ...world, timeline: talk(world.timeline!.room) };
}

function protectedBy(history_protection: HistoryProtection): Snapshot {
  const world = home();
  return { ...world, settings: { ...world.settings, history_protection, retention_days: 90 } };
}

/** All that was said in the world, for searches; the relay knows more of it than the device. */
export function talkOf(world: Snapshot, source: SearchSource): { room: RoomItem; messages: MessageView[] }[] {
  return world.rooms.rooms.map((room) => {
    const open =
      world.timeline?.room.id === room.id ? world.timeline.messages : (openRoom(world, room.id)?.messages ?? []);
    const more =
      room.id === 'r-design'
        ? filesOf()
        : room.id === 'r-board'
          ? longTalk(details(room), source === 'relay' ? 400 : 300).messages
          : [];
    const known = new Set(open.map((message) => message.client_id));
    return { room, messages: [...open, ...more.filter((message) => !known.has(message.client_id))] };
  });
}

export function snapshotOf(scene: string): Snapshot {
  return (SCENES[scene] ?? home)();
}

/** The timeline of any room of the world. */
export function openRoom(world: Snapshot, roomId: string): Snapshot['timeline'] {
  const item = world.rooms.rooms.find((room) => room.id === roomId);
  return item ? inRoomOf(item.id, world) : null;
}

function inRoomOf(roomId: string, world: Snapshot): Snapshot['timeline'] {
  const item = world.rooms.rooms.find((room) => room.id === roomId)!;
  const known = home().rooms.rooms.some((room) => room.id === roomId);
  return known ? inRoom(roomId).timeline : { ...inRoom('r-echo').timeline!, room: details(item), messages: [] };
}
