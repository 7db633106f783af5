import type {
  DevicesView,
  MemberItem,
  PersonItem,
  Presence,
  RoomDetails,
  RoomItem,
  RoomsView,
  SettingsView,
  Snapshot,
} from '../../generated/view';
import { roomTalk } from './talk';

/** The people, rooms and talk that screenshots show. Times count back from the moment of loading. */
export const NOW = Date.now();
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const ME = {
  user_id: 'u-me',
  display_name: 'Mara Lindqvist',
  role: 'admin' as const,
  avatar: 'pic-mara',
  status_text: 'At the harbour until noon',
};
export const RELAY = 'https://relay.nordlicht.example';

function person(id: string, display_name: string, presence: Presence, more: Partial<PersonItem> = {}): PersonItem {
  return {
    id,
    display_name,
    presence,
    last_seen_at_ms: presence === 'offline' ? NOW - 3 * HOUR : null,
    favourite: false,
    blocked: false,
    bot: false,
    avatar: null,
    status_text: '',
    bio: '',
    ...more,
  };
}

export const ECHO = person('u-echo', 'Echo', 'online', { bot: true });
export const PEOPLE: Record<string, PersonItem> = {
  jisoo: person('u-jisoo', '김지수', 'online', {
    favourite: true,
    avatar: 'pic-jisoo',
    bio: '항만 공사를 맡고 있습니다. Port works, cranes, and tea.',
  }),
  tobias: person('u-tobias', 'Tobias Achterberg', 'busy', { avatar: 'pic-tobias' }),
  amara: person('u-amara', 'Amara Okonkwo', 'away', { avatar: 'pic-amara', status_text: 'Back on Monday' }),
  noam: person('u-noam', 'נועם ברק', 'offline', { last_seen_at_ms: NOW - 2 * DAY }),
  lucia: person('u-lucia', 'Lucía Fernández', 'online', {
    avatar: 'pic-lucia',
    status_text: 'On site, call rather than write',
  }),
  wei: person('u-wei', 'Chen Wei', 'offline'),
  ines: person('u-ines', 'Inês Carvalho', 'online'),
  arjun: person('u-arjun', 'Arjun Mehta', 'away', { avatar: 'pic-arjun' }),
  sofie: person('u-sofie', 'Sofie Nygård', 'offline', { last_seen_at_ms: NOW - 40 * MINUTE }),
  yusuf: person('u-yusuf', 'Yusuf Demir', 'online'),
};
const P = PEOPLE as Record<keyof typeof PEOPLE & string, PersonItem>;

function direct(id: string, peer: PersonItem, more: Partial<RoomItem> = {}): RoomItem {
  return {
    id,
    kind: 'direct',
    title: peer.display_name,
    peer,
    unread: 0,
    mentions: 0,
    avatar: peer.avatar,
    preview: { type: 'empty' },
    last_at_ms: null,
    typing: [],
    in_call: false,
    archived: false,
    notify: 'all',
    ...more,
  };
}
function group(id: string, title: string, more: Partial<RoomItem> = {}): RoomItem {
  return {
    id,
    kind: 'group',
    title,
    peer: null,
    unread: 0,
    mentions: 0,
    avatar: null,
    preview: { type: 'empty' },
    last_at_ms: null,
    typing: [],
    in_call: false,
    archived: false,
    notify: 'all',
    ...more,
  };
}
const said = (sender: string, text: string, mine = false) => ({
  type: 'text' as const,
  sender,
  mine,
  text,
  images: 0,
  files: 0,
});

export function rooms(): RoomItem[] {
  return [
    group('r-design', 'Harbour project', {
      avatar: 'pic-harbour',
      unread: 3,
      preview: said('Lucía Fernández', 'I put the new **floor plan** in the folder'),
      last_at_ms: NOW - 4 * MINUTE,
    }),
    direct('r-amara', P.amara!, { unread: 1, preview: { type: 'call', missed: true }, last_at_ms: NOW - 22 * MINUTE }),
    direct('r-jisoo', P.jisoo!, {
      preview: said('Mara Lindqvist', 'Perfect, talk to you at three', true),
      last_at_ms: NOW - 31 * MINUTE,
      typing: ['김지수'],
    }),
    direct('r-tobias', P.tobias!, {
      preview: said('Tobias Achterberg', 'Will send the measurements tonight'),
      last_at_ms: NOW - 3 * HOUR,
    }),
    group('r-lunch', 'Lunch club', {
      preview: said('Yusuf Demir', 'Dumplings again?'),
      last_at_ms: NOW - 5 * HOUR,
      in_call: true,
      unread: 12,
      notify: 'none',
    }),
    direct('r-noam', P.noam!, { preview: said('נועם ברק', 'תודה רבה! נדבר מחר'), last_at_ms: NOW - 2 * DAY }),
    group('r-board', 'Quarterly planning and budget, north region', {
      preview: { type: 'deleted' },
      last_at_ms: NOW - 3 * DAY,
    }),
    direct('r-echo', ECHO, { preview: { type: 'call', missed: false }, last_at_ms: NOW - 6 * DAY }),
  ];
}

/** The list with what the app's icon counts: what one wants to be told of. */
export function roomsView(list: RoomItem[], loading = false): RoomsView {
  const counted = (room: RoomItem) =>
    room.archived || room.notify === 'none' ? 0 : room.notify === 'mentions' ? room.mentions : room.unread;
  return { loading, rooms: list, badge: list.reduce((sum, room) => sum + counted(room), 0) };
}

export function member(personItem: PersonItem, role: MemberItem['role'] = 'member', me = false): MemberItem {
  return { person: personItem, role, me };
}

export function details(item: RoomItem): RoomDetails {
  const me = person(ME.user_id, ME.display_name, 'online', { avatar: ME.avatar, status_text: ME.status_text });
  const mine = member(me, item.kind === 'group' ? 'owner' : 'member', true);
  const others = item.peer
    ? [member(item.peer)]
    : [member(P.lucia!, 'moderator'), member(P.jisoo!), member(P.tobias!), member(P.arjun!), member(P.sofie!)];
  return {
    id: item.id,
    kind: item.kind,
    title: item.title,
    topic: item.id === 'r-design' ? 'Refit of the old customs house' : '',
    visibility: 'private',
    archived: false,
    guests: item.id === 'r-design',
    notify: item.notify,
    avatar: item.avatar,
    peer: item.peer,
    my_role: item.kind === 'group' ? 'owner' : 'member',
    members: [mine, ...others],
    member_count: others.length + 1,
    joinable_call: item.in_call,
    call_people: item.in_call ? [P.yusuf!.display_name, P.lucia!.display_name] : [],
  };
}

export function devices(): DevicesView {
  return {
    cameras: [
      { id: 'c1', name: 'Logitech Brio 4K', is_default: true, chosen: false },
      { id: 'c2', name: 'Integrated camera', is_default: false, chosen: false },
    ],
    microphones: [
      { id: 'm1', name: 'Shure MV7+', is_default: true, chosen: true },
      { id: 'm2', name: 'Built-in microphone', is_default: false, chosen: false },
    ],
    speakers: [
      { id: 's1', name: 'Built-in speakers', is_default: true, chosen: false },
      { id: 's2', name: 'Sony WH-1000XM5', is_default: false, chosen: false },
    ],
    loading: false,
    preview_stream: null,
    previewing: false,
    problems: [],
  };
}

export function settings(): SettingsView {
  const wanted = new URLSearchParams(location.search);
  return {
    theme: (wanted.get('theme') as SettingsView['theme'] | null) ?? 'system',
    accent: (wanted.get('accent') as SettingsView['accent'] | null) ?? 'teal',
    density: (wanted.get('density') as SettingsView['density'] | null) ?? 'comfortable',
    language: wanted.get('lang') ?? 'en',
    keeping: 'keyring',
    voice: { echo_cancellation: true, noise_suppression: true, automatic_gain: true, high_pass: true },
    relay_only: false,
    join: { camera: true, muted: false },
    notifications: { enabled: true, show_text: true, sound: true, do_not_disturb: { type: 'off' } },
    retention_days: null,
    history_protection: 'keyring',
    version: '0.1.0',
  };
}

/** Signed in, with rooms and people, and no room open. */
export function home(): Snapshot {
  return {
    session: { type: 'signed_in', relay_url: RELAY, me: ME },
    connection: { type: 'online' },
    rooms: roomsView(rooms()),
    people: { query: '', loading: false, failed: false, people: [...Object.values(PEOPLE), ECHO] },
    timeline: null,
    thread: null,
    call: null,
    devices: devices(),
    settings: settings(),
    export: null,
  };
}

/** `home` with one room open. */
export function inRoom(roomId: string): Snapshot {
  const world = home();
  const item = world.rooms.rooms.find((room) => room.id === roomId)!;
  return { ...world, timeline: roomTalk(details(item)) };
}
