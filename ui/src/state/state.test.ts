import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { initials, hueOf } from '../common/avatar';
import { SCENES } from '../backend/mock/scenes';
import type { CallView, ViewEvent } from '../generated/view';
import { t } from '../i18n/i18n.svelte';
import { checkAccount } from '../people/account';
import { AppState } from './app.svelte';
import { errorSentence } from './errors';
import { matches, rank } from './search';
import { stopwatch } from './time.svelte';
import { Toasts } from './toasts.svelte';

vi.stubGlobal('location', { search: '' });

describe('AppState', () => {
  it('replaces one slice with each event', () => {
    const app = new AppState();
    app.load(SCENES.home!());
    const people = app.people;
    app.apply({ type: 'connection', value: { type: 'offline', retry_in_s: 3 } });
    expect(app.connection).toEqual({ type: 'offline', retry_in_s: 3 });
    expect(app.people).toBe(people);
    expect(app.rooms.badge).toBe(4);
    expect(app.me?.display_name).toBe('Mara Lindqvist');
  });

  it('forgets figures and levels of a call that is over', () => {
    const app = new AppState();
    const call = SCENES.call!().call as CallView;
    app.apply({ type: 'call', value: call });
    app.apply({
      type: 'levels',
      value: { microphone: 0.5, noise_floor_db: -60, participants: [{ id: 'p', level: 1 }] },
    });
    app.apply({ type: 'call', value: { ...call, muted: true } });
    expect(app.levels.microphone).toBe(0.5);
    app.apply({ type: 'call', value: null });
    expect(app.levels).toEqual({ microphone: 0, noise_floor_db: null, participants: [] });
  });

  it('hands notices to whoever listens', () => {
    const app = new AppState();
    const heard: string[] = [];
    const stop = app.onNotice((notice) => heard.push(notice.code));
    const event: ViewEvent = {
      type: 'notice',
      value: { kind: 'info', code: 'camera_gone', subject: null, instead: null },
    };
    app.apply(event);
    stop();
    app.apply(event);
    expect(heard).toEqual(['camera_gone']);
  });
});

describe('Toasts', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function undoable() {
    const toasts = new Toasts();
    const done: string[] = [];
    toasts.undoable(
      'Deleted',
      'Undo',
      () => done.push('commit'),
      () => done.push('revert'),
    );
    return { toasts, done };
  }

  it('does what was announced after eight seconds', () => {
    const { done } = undoable();
    vi.advanceTimersByTime(7_900);
    expect(done).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(done).toEqual(['commit']);
  });

  it('does nothing when it is taken back', () => {
    const { toasts, done } = undoable();
    toasts.list[0]!.action!.run();
    vi.advanceTimersByTime(20_000);
    expect(done).toEqual(['revert']);
    expect(toasts.list).toEqual([]);
  });

  it('does at once what still waits when the window closes', () => {
    const { toasts, done } = undoable();
    toasts.flush();
    vi.advanceTimersByTime(20_000);
    expect(done).toEqual(['commit']);
  });

  it('waits while someone is on it', () => {
    const { toasts, done } = undoable();
    const toast = toasts.list[0]!;
    toasts.hold(toast.id);
    vi.advanceTimersByTime(60_000);
    expect(done).toEqual([]);
    toasts.release(toast);
    vi.advanceTimersByTime(8_100);
    expect(done).toEqual(['commit']);
  });

  it('shows four at most, and a repeated sentence once', () => {
    const toasts = new Toasts();
    for (const text of ['a', 'b', 'b', 'c', 'd', 'e']) toasts.info(text);
    expect(toasts.list.map((toast) => toast.text)).toEqual(['b', 'c', 'd', 'e']);
  });
});

describe('search', () => {
  it('finds without accents, case and whole words', () => {
    expect(matches('Lucía Fernández', 'lucia fer')).toBe(true);
    expect(matches('김지수', '지수')).toBe(true);
    expect(matches('Harbour project', 'zoo')).toBe(false);
  });
  it('puts beginnings before middles', () => {
    expect(rank('Echo', 'ec')).toBeGreaterThan(rank('Team echo', 'ec'));
    expect(rank('Team echo', 'ec')).toBeGreaterThan(rank('Gecko', 'ec'));
  });
});

it('refuses an account form field by field, in words', () => {
  const form = { isNew: true, relay: 'relay', name: 'A', email: 'mara', password: 'short', passphrase: 'x', code: ' ' };
  expect(Object.keys(checkAccount(form)).sort()).toEqual([
    'display_name',
    'email',
    'passphrase',
    'password',
    'registration_code',
    'relay_url',
  ]);
  expect(
    checkAccount({
      isNew: true,
      relay: 'http://127.0.0.1:7000',
      name: 'Jo',
      email: 'jo@example',
      password: 'long enough',
      passphrase: null,
      code: null,
    }),
  ).toEqual({});
  expect(
    checkAccount({
      isNew: false,
      relay: 'http://127.0.0.1:7000',
      name: '',
      email: 'jo@example',
      password: 'short',
      passphrase: null,
      code: null,
    }),
  ).toEqual({});
});

it('says refusals in the words of the catalogue and falls back to the shell', () => {
  expect(errorSentence({ code: 'offline', message: 'x', field: null, retry_after_s: null })).toBe(t('error.offline'));
  expect(errorSentence({ code: 'rate_limited', message: 'x', field: null, retry_after_s: 1 })).toBe(
    'Too many tries. Wait 1 second.',
  );
  expect(errorSentence({ code: 'rate_limited', message: 'x', field: null, retry_after_s: 9 })).toBe(
    'Too many tries. Wait 9 seconds.',
  );
  expect(
    errorSentence({
      code: 'invalid_argument',
      message: 'From the shell.',
      field: 'unknown_field',
      retry_after_s: null,
    }),
  ).toBe('From the shell.');
});

it('gives people initials in their own script, and always the same colour', () => {
  expect(initials('Mara Lindqvist')).toBe('ML');
  expect(initials('김지수')).toBe('김');
  expect(initials('  ')).toBe('?');
  expect(initials('Jean-Luc (Paris) Moreau')).toBe('JM');
  expect(hueOf('u-1')).toBe(hueOf('u-1'));
});

it('counts a call in minutes, then hours', () => {
  expect([stopwatch(7), stopwatch(187), stopwatch(3_729), stopwatch(-2)]).toEqual(['0:07', '3:07', '1:02:09', '0:00']);
});
