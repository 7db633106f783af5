import type { CommandError, InviteInfoView, InviteView, Query, RelayView } from '../../generated/view';
import { DAY, HOUR, NOW, RELAY } from './world';

const WAIT_MS = 60;

function refuse(code: CommandError['code'], field: string | null, message: string): CommandError {
  return { code, field, message, retry_after_s: null };
}

function invite(code: string, more: Partial<InviteView>): InviteView {
  return {
    id: `i-${code}`,
    link: `${RELAY}/invite/${code}`,
    created_at_ms: NOW - 2 * DAY,
    expires_at_ms: null,
    max_uses: null,
    uses: 0,
    ...more,
  };
}

/** Invites of one room and of the relay, and what links lead to. */
export class MockInvites {
  #lists: { room: InviteView[]; relay: InviteView[] } = {
    room: [
      invite('Zk3vQpX9tRy8Lw2mHc5dNa', { expires_at_ms: NOW + 6 * DAY, max_uses: 5, uses: 2 }),
      invite('b7Yt1MfKq4Ws0GxJu6EoPr', { uses: 14 }),
      invite('h2CnVd8Sz5AiTl9BgRe3Km', { expires_at_ms: NOW + 3 * HOUR, max_uses: 1, uses: 1 }),
    ],
    relay: [invite('Qw5rT8yU1iO4pA7sD0fG2h', { expires_at_ms: NOW + 20 * HOUR, max_uses: 10, uses: 3 })],
  };
  #next = 1;

  constructor(private readonly scene: string) {
    if (scene === 'invites-none') this.#lists.room = [];
  }

  list(roomId: string | null): InviteView[] {
    if (this.scene === 'invites-failed') throw refuse('offline', null, 'The relay does not answer.');
    return this.#lists[roomId === null ? 'relay' : 'room'];
  }

  create({ room_id, expires_in_s, max_uses }: Extract<Query, { type: 'create_invite' }>): InviteView {
    const list = room_id === null ? 'relay' : 'room';
    const made = invite(`N${this.#next++}xWq8Lr3TzVb6Yk1Pm4Jd`, {
      created_at_ms: NOW,
      expires_at_ms: expires_in_s === null ? null : NOW + expires_in_s * 1_000,
      max_uses,
    });
    this.#lists[list] = [made, ...this.#lists[list]];
    return made;
  }

  revoke(inviteId: string): void {
    const left = (list: InviteView[]) => list.filter((other) => other.id !== inviteId);
    this.#lists = { room: left(this.#lists.room), relay: left(this.#lists.relay) };
  }

  /** Words in the link say what it leads to: `gone`, `slow`, `account`, `other`, `members`. */
  async info(link: string): Promise<InviteInfoView> {
    await new Promise((soon) => setTimeout(soon, link.includes('slow') ? 600_000 : WAIT_MS));
    if (link.includes('gone')) throw refuse('not_found', 'code', 'This invite is not valid.');
    if (link.includes('account'))
      return { type: 'registration', relay_url: RELAY, code: link.slice(link.lastIndexOf('/') + 1) };
    return {
      type: 'room',
      relay_url: link.includes('other') ? 'https://talk.southwind.example' : RELAY,
      name: 'Lunch club',
      member_count: 12,
      guests: !link.includes('members'),
    };
  }

  async relay(relayUrl: string): Promise<RelayView> {
    await new Promise((soon) => setTimeout(soon, WAIT_MS));
    if (relayUrl.includes('away')) throw refuse('offline', null, 'The relay does not answer.');
    if (relayUrl.includes('closed') || this.scene === 'sign-in-closed') return { registration: 'closed' };
    return { registration: this.scene === 'sign-up-invite' ? 'invite' : 'open' };
  }
}
