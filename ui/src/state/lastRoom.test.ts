import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LastRoom, accountOf, type Seen } from './lastRoom';

const MARA = 'https://relay.example u-mara';
const rooms = (...ids: string[]): Seen['rooms'] => ({ loading: false, rooms: ids.map((id) => ({ id })) });
const seen = (more: Partial<Seen> = {}): Seen => ({
  rooms: rooms('r-1', 'r-2'),
  shown: null,
  busy: false,
  ...more,
});
/** What a window that is opened anew does when it first knows the list. */
const opens = (account = MARA, more: Partial<Seen> = {}) => new LastRoom(account).see(seen(more));
const stood = (room: string, account = MARA) => new LastRoom(account).see(seen({ shown: room }));

describe('LastRoom', () => {
  let disk: Map<string, string>;

  beforeEach(() => {
    disk = new Map();
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => disk.get(key) ?? null,
      setItem: (key: string, value: string) => void disk.set(key, value),
    });
  });

  it('opens nothing where nothing was open', () => {
    expect(opens()).toBeNull();
  });

  it('opens the room that was shown last, once', () => {
    stood('r-1');
    const window = new LastRoom(MARA);
    window.see(seen({ shown: null, rooms: { loading: true, rooms: [] } }));
    expect(window.see(seen())).toBe('r-1');
    expect(window.see(seen({ shown: 'r-1' }))).toBeNull();
    expect(window.see(seen({ shown: null }))).toBeNull();
  });

  it('waits for the list and keeps the room until then', () => {
    stood('r-2');
    expect(opens(MARA, { rooms: { loading: true, rooms: [] } })).toBeNull();
    expect(opens()).toBe('r-2');
  });

  it('is wherever one went last: in the list after the room was closed', () => {
    const window = new LastRoom(MARA);
    for (const shown of ['r-1', 'r-2', null]) window.see(seen({ shown }));
    expect(opens()).toBeNull();
  });

  it('leaves alone a room that is no longer in the list', () => {
    stood('r-gone');
    expect(opens()).toBeNull();
  });

  it('gives way to a room that is open or asked for already', () => {
    stood('r-1');
    expect(opens(MARA, { shown: 'r-2' })).toBeNull();
    expect(opens()).toBe('r-2');
  });

  it('gives way to a room that is asked for before the list is known', () => {
    stood('r-1');
    const window = new LastRoom(MARA);
    window.see(seen({ shown: 'r-2', rooms: { loading: true, rooms: [] } }));
    expect(window.see(seen({ shown: null }))).toBeNull();
  });

  it('takes nobody out of the settings, a search or a dialog', () => {
    stood('r-1');
    expect(opens(MARA, { busy: true })).toBeNull();
  });

  it('is another one for each account', () => {
    stood('r-1');
    expect(opens('https://relay.example u-jisoo')).toBeNull();
    expect(opens('https://elsewhere.example u-mara')).toBeNull();
    stood('r-2', 'https://relay.example u-jisoo');
    expect(opens()).toBe('r-1');
  });

  it('is forgotten with the session, and only that one', () => {
    stood('r-1');
    stood('r-2', 'https://elsewhere.example u-mara');
    new LastRoom(MARA).forget();
    expect(opens()).toBeNull();
    expect(opens('https://elsewhere.example u-mara')).toBe('r-2');
  });

  it('is kept for the accounts of late alone', () => {
    for (let user = 0; user < 20; user++) stood('r-1', `https://relay.example u-${user}`);
    expect([...disk.values()].join().split('\n')).toHaveLength(8);
    expect(opens('https://relay.example u-11')).toBeNull();
    expect(opens('https://relay.example u-12')).toBe('r-1');
  });

  it('survives whatever else is written there', () => {
    for (const junk of ['', '\n\n', '[1,2]', `${MARA}`, `${MARA} r-1 r-2`, `${MARA} ${'r'.repeat(400)}`, `${MARA}  `]) {
      disk.set('parley.last-rooms', junk);
      expect(opens()).toBeNull();
      stood('r-1');
      expect(opens()).toBe('r-1');
    }
  });
});

it('tells accounts apart by relay and user', () => {
  const me = { user_id: 'u-mara', display_name: 'Mara', role: 'member' as const, avatar: null, status_text: '' };
  expect(accountOf({ type: 'signed_in', relay_url: 'https://relay.example', me })).toBe(MARA);
  expect(accountOf({ type: 'starting' })).toBeNull();
});
