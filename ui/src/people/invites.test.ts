import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Query } from '../generated/view';
import { start } from '../state/session.svelte';
import { checkPasswords } from './account';
import { inviteLine, isSpent } from './invite';
import { hostOf, InviteLook, PAUSE_MS, RelayLook } from './lookups.svelte';

vi.stubGlobal('location', { search: '' });
const { MockBackend } = await import('../backend/mock');

const NOW = Date.UTC(2026, 4, 12, 9);
const HOUR = 3_600_000;
const invite = {
  id: 'i-1',
  link: 'https://relay.example/invite/abc',
  created_at_ms: NOW,
  expires_at_ms: null,
  max_uses: null,
  uses: 0,
};

describe('an invite', () => {
  it('says how often it was used and when it ends', () => {
    expect(inviteLine(invite, NOW)).toBe('Not used yet · does not end');
    expect(inviteLine({ ...invite, uses: 1 }, NOW)).toBe('Used 1 time · does not end');
    expect(inviteLine({ ...invite, uses: 2, max_uses: 5, expires_at_ms: NOW + 144 * HOUR }, NOW)).toBe(
      'Used 2 of 5 times · ends in 6 days',
    );
    expect(inviteLine({ ...invite, expires_at_ms: NOW + 20_000 }, NOW)).toBe('Not used yet · ends in 1 minute');
    expect(inviteLine({ ...invite, uses: 1, max_uses: 1, expires_at_ms: NOW + HOUR }, NOW)).toBe(
      'Used 1 of 1 time · used up',
    );
    expect(inviteLine({ ...invite, expires_at_ms: NOW }, NOW)).toBe('Not used yet · ended');
  });

  it('is spent when it is used up or over', () => {
    expect(isSpent(invite, NOW)).toBe(false);
    expect(isSpent({ ...invite, max_uses: 2, uses: 1 }, NOW)).toBe(false);
    expect(isSpent({ ...invite, max_uses: 2, uses: 2 }, NOW)).toBe(true);
    expect(isSpent({ ...invite, expires_at_ms: NOW }, NOW)).toBe(true);
  });
});

describe('looking up', () => {
  const asked: Query[] = [];

  beforeEach(async () => {
    vi.useFakeTimers();
    const backend = new MockBackend('sign-up-invite');
    await start(backend);
    const ask = backend.ask.bind(backend);
    asked.length = 0;
    backend.ask = (query) => {
      asked.push(query);
      return ask(query);
    };
  });
  afterEach(() => void vi.useRealTimers());
  const settle = () => vi.advanceTimersByTimeAsync(PAUSE_MS + 100);

  it('asks a relay once for what was typed, and keeps quiet where it does not answer', async () => {
    const look = new RelayLook();
    for (const typed of ['https://r', 'https://re', 'https://relay.example ']) look.look(typed);
    await settle();
    expect(asked).toEqual([{ type: 'relay', relay_url: 'https://relay.example' }]);
    expect(look.registration).toBe('invite');
    look.look('https://away.example');
    expect(look.registration).toBe(null);
    await settle();
    expect(look.registration).toBe(null);
    look.look('relay.example');
    await settle();
    expect(asked).toHaveLength(2);
  });

  it('shows what an invite is for, and the last one typed alone', async () => {
    const look = new InviteLook(true);
    look.look('https://relay.example/invite/slow');
    expect(look.state).toEqual({ type: 'looking' });
    await settle();
    look.look('https://relay.example/invite/account-7');
    await settle();
    expect(look.state).toMatchObject({ type: 'found', info: { type: 'registration', code: 'account-7' } });
    look.look('');
    expect(look.state).toEqual({ type: 'nothing' });
  });

  it('asks nobody about a code without its relay while nobody is signed in', async () => {
    const look = new InviteLook(true);
    look.look('abc');
    await settle();
    expect(look.state).toEqual({ type: 'refused', sentence: 'Paste the whole link. It begins with https.' });
    expect(asked).toEqual([]);
    const inside = new InviteLook(false);
    inside.look('abc');
    await settle();
    expect(inside.state).toMatchObject({ type: 'found', info: { type: 'room', guests: true } });
  });

  it('says of an invite that is gone what to do', async () => {
    const look = new InviteLook(true);
    look.look('https://relay.example/invite/gone');
    await settle();
    expect(look.state).toEqual({ type: 'refused', sentence: 'This invite is not valid. Ask for a new one.' });
  });
});

it('names a relay without its scheme', () => {
  expect(hostOf('https://relay.example:7443/')).toBe('relay.example:7443');
});

it('refuses a change of password field by field', () => {
  expect(Object.keys(checkPasswords('', 'short'))).toEqual(['old_password', 'new_password']);
  expect(checkPasswords('long enough', 'long enough')).toEqual({ new_password: 'This is the password you have.' });
  expect(checkPasswords('long enough', 'another one')).toEqual({});
});
