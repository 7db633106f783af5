import type { RoomItem, SessionView } from '../generated/view';

const KEY = 'parley.last-rooms';
/** Accounts whose room is kept; the one of longest ago makes place. */
const AT_MOST = 8;
const WORD_CHARS = 300;

/** What of the window decides whether a room opens by itself. */
export interface Seen {
  rooms: { loading: boolean; rooms: readonly Pick<RoomItem, 'id'>[] };
  /** The room that is open or asked for. */
  shown: string | null;
  /** The person is somewhere already: in the settings, in a search, in a dialog. */
  busy: boolean;
}

/**
 * The room in which one left an account: opened at its start, kept from then on.
 *
 * ```text
 * waiting --the list is known, or a room is open--> following
 * ```
 */
export class LastRoom {
  #waiting = true;

  /** `account` is the relay's address and the user's id: see [`accountOf`]. */
  constructor(private readonly account: string) {}

  /** The room to open, which happens once at most: not when one is open already, or the person is elsewhere, or it is no longer in the list. */
  see({ rooms, shown, busy }: Seen): string | null {
    if (this.#waiting) {
      if (shown === null && rooms.loading) return null;
      this.#waiting = false;
      const last = shown === null && !busy ? (kept().get(this.account) ?? null) : null;
      if (rooms.rooms.some((room) => room.id === last)) return last;
    }
    keep(this.account, shown);
    return null;
  }

  /** After the session ended: nothing of it is left for the next person. */
  forget(): void {
    keep(this.account, null);
  }
}

/** Two accounts are two, be it by their relay or by their user. Null while nobody is signed in. */
export function accountOf(session: SessionView): string | null {
  return session.type === 'signed_in' ? `${session.relay_url} ${session.me.user_id}` : null;
}

/** Rooms by their account, the latest first. One to a line: the account's two words, and the room. */
function kept(): Map<string, string> {
  const lines = (globalThis.localStorage?.getItem(KEY) ?? '').split('\n').map((line) => line.split(' '));
  const whole = lines.filter(
    (words) => words.length === 3 && words.every((word) => word !== '' && word.length <= WORD_CHARS),
  );
  return new Map(whole.slice(0, AT_MOST).map(([relay, user, room]) => [`${relay} ${user}`, room!]));
}

function keep(account: string, room: string | null): void {
  const before = kept();
  if ((before.get(account) ?? null) === room && (room === null || before.keys().next().value === account)) return;
  before.delete(account);
  const all = room === null ? [...before] : [[account, room], ...before];
  globalThis.localStorage?.setItem(
    KEY,
    all
      .slice(0, AT_MOST)
      .map((words) => words.join(' '))
      .join('\n'),
  );
}
