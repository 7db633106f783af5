import { render } from 'svelte/server';
import type { Component } from 'svelte';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Me, RoomDetails, RoomItem } from '../generated/view';

vi.stubGlobal('location', { search: '' });
const { SCENES } = await import('../backend/mock/scenes');
const { MockBackend } = await import('../backend/mock');
const { start } = await import('../state/session.svelte');
const { default: ExportBar } = await import('../exports/ExportBar.svelte');
const { default: GuestSwitch } = await import('./GuestSwitch.svelte');
const { default: RoomRow } = await import('./RoomRow.svelte');
const { default: Welcome } = await import('./Welcome.svelte');
const { default: AccountPage } = await import('../settings/AccountPage.svelte');

const me = (role: Me['role']): Me => ({
  user_id: 'u-me',
  display_name: 'Jonas',
  role,
  avatar: null,
  status_text: '',
});

/** The handles of what a component draws. */
function handles<P extends Record<string, unknown>>(component: Component<P>, props: P): string[] {
  return [...render(component as Component, { props }).body.matchAll(/data-testid="([\w-]+)"/g)].map(([, id]) => id!);
}
/** What it says, without its marks. */
function words<P extends Record<string, unknown>>(component: Component<P>, props: P): string {
  return render(component as Component, { props })
    .body.replace(/<!--.*?-->/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

beforeEach(async () => {
  const backend = new MockBackend('home');
  backend.fileUrl = () => '';
  await start(backend);
});

describe('a guest', () => {
  it('has no password, no data to take and no account to delete', () => {
    const relayUrl = 'https://relay.example';
    const guest = handles(AccountPage, { me: me('guest'), relayUrl });
    expect(guest).toEqual(['guest-card', 'settings-sign-out']);
    const member = handles(AccountPage, { me: me('member'), relayUrl });
    expect(member).toEqual(
      expect.arrayContaining(['settings-sign-out', 'password-old', 'password-new', 'export-data', 'account-delete']),
    );
    expect(member).not.toContain('guest-card');
    expect(words(AccountPage, { me: me('guest'), relayUrl })).toContain('away for 7 days');
  });

  it('is offered an invite and no group', () => {
    expect(handles(Welcome, { me: me('guest') })).toEqual([]);
    expect(words(Welcome, { me: me('guest') })).toContain('Join with an invite');
    expect(handles(Welcome, { me: me('member') })).toContain('welcome-group');
  });
});

describe('whether guests may join', () => {
  const room = (my_role: RoomDetails['my_role'], guests: boolean) => ({
    room: { ...SCENES.room!().timeline!.room, my_role, guests },
  });

  it('is for owners to say and for moderators to see', () => {
    expect(handles(GuestSwitch, room('owner', false))).toEqual(['room-guests']);
    expect(handles(GuestSwitch, room('moderator', true))).toEqual(['room-guests-on']);
    expect(handles(GuestSwitch, room('moderator', false))).toEqual([]);
  });
});

describe('a row of the list', () => {
  const row = (notify: RoomItem['notify']) => ({
    current: false,
    room: { ...SCENES.home!().rooms.rooms[0]!, unread: 3, notify },
  });

  it('is marked when it is muted, for eye and ear', () => {
    expect(handles(RoomRow, row('all'))).not.toContain('muted');
    expect(handles(RoomRow, row('mentions'))).not.toContain('muted');
    expect(handles(RoomRow, row('none'))).toContain('muted');
    expect(words(RoomRow, row('none'))).toContain('Muted.');
  });
});

describe('an export on its way', () => {
  const says = (view: { room: string | null; done: number; total: number | null }) => words(ExportBar, { view });

  it('counts messages of a room and bytes of my data', () => {
    expect(says({ room: 'Harbour project', done: 1_200, total: 41_872 })).toBe(
      'Exporting Harbour project 1,200 of 41,872 Cancel',
    );
    expect(says({ room: 'Harbour project', done: 1, total: null })).toBe('Exporting Harbour project 1 message Cancel');
    expect(says({ room: null, done: 3 * 1024 ** 2, total: null })).toBe('Exporting your data 3 MB Cancel');
  });

  it('says how far it is to those who do not see it', () => {
    const { body } = render(ExportBar as Component, {
      props: { view: { room: 'Harbour project', done: 1, total: 4 } } as Record<string, unknown>,
    });
    expect(body).toContain('aria-valuenow="25"');
    expect(body).toContain('aria-valuetext="1 of 4"');
  });
});
