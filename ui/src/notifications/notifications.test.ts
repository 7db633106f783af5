import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenRequest } from '../backend/backend';
import type { Command, NotificationAbout, NotificationView } from '../generated/view';
import { setLanguage } from '../i18n/i18n.svelte';
import { app } from '../state/app.svelte';
import { start } from '../state/session.svelte';
import { ui } from '../state/ui.svelte';

vi.stubGlobal('location', { search: '' });
const { MockBackend } = await import('../backend/mock');
const { follow, followNotifications } = await import('./follow');
const { notificationOf } = await import('./words');

const message = (more: Partial<Extract<NotificationAbout, { type: 'message' }>> = {}): NotificationAbout => ({
  type: 'message',
  message_id: 'm-9',
  seq: 9,
  thread_id: null,
  text: 'The crane comes at three',
  images: 0,
  files: 0,
  mention: false,
  ...more,
});
const view = (about: NotificationAbout, more: Partial<NotificationView> = {}): NotificationView => ({
  room_id: 'r-jisoo',
  room_title: '김지수',
  group: false,
  sender: '김지수',
  avatar: null,
  about,
  count: 1,
  sound: true,
  ...more,
});
const inGroup = { room_id: 'r-design', room_title: 'Harbour project', group: true, sender: 'Lucía Fernández' };
const body = (about: NotificationAbout, more: Partial<NotificationView> = {}) => notificationOf(view(about, more)).body;

describe('the words of a notification', () => {
  afterEach(() => setLanguage('en'));

  it('are the sender and the text, and where it leads', () => {
    expect(notificationOf(view(message({ thread_id: 'm-1' }), { sound: false }))).toEqual({
      room_id: 'r-jisoo',
      thread_id: 'm-1',
      message_id: 'm-9',
      seq: 9,
      title: '김지수',
      body: 'The crane comes at three',
      reply_label: 'Reply',
      reply_placeholder: 'Write a reply',
      open_label: 'Open',
      sound: false,
    });
  });

  it('name the room of a group', () => {
    expect(notificationOf(view(message(), inGroup)).title).toBe('Lucía Fernández in Harbour project');
  });

  it('say what files are where there is no text', () => {
    expect(body(message({ text: '', images: 1 }))).toBe('1 picture');
    expect(body(message({ text: '', images: 2, files: 1 }))).toBe('2 pictures, 1 file');
    expect(body(message({ text: 'Look', images: 2 }))).toBe('Look');
  });

  it('tell nothing of what a hidden message says or carries', () => {
    expect(body(message({ text: null, images: 2 }))).toBe('Sent a message');
    expect(body(message({ text: null, mention: true }))).toBe('Mentioned you');
  });

  it('count what was told of before', () => {
    expect(body(message(), { count: 2 })).toBe('The crane comes at three\n+1 more');
    expect(body(message({ text: null }), { count: 4 })).toBe('Sent a message\n+3 more');
  });

  it('offer no reply to a missed call', () => {
    expect(notificationOf(view({ type: 'missed_call' }))).toMatchObject({
      title: '김지수',
      body: 'Missed call',
      reply_label: null,
      message_id: null,
      seq: null,
    });
  });

  it('are in the language of the person', () => {
    setLanguage('de');
    expect(body(message({ text: '', images: 2 }), { count: 3 })).toBe('2 Bilder\n+2 weitere');
    setLanguage('ko');
    expect(notificationOf(view(message(), inGroup)).title).toBe('Harbour project의 Lucía Fernández 님');
  });
});

describe('notifications', () => {
  let backend: InstanceType<typeof MockBackend>;
  let stop: () => void;
  const sent: Command[] = [];

  beforeEach(async () => {
    vi.useFakeTimers();
    backend = new MockBackend('home');
    const send = backend.send.bind(backend);
    sent.length = 0;
    backend.send = (command) => {
      sent.push(command);
      return send(command);
    };
    await start(backend);
    stop = followNotifications();
    await vi.advanceTimersByTimeAsync(10);
  });
  afterEach(() => {
    stop();
    vi.useRealTimers();
  });

  const open = async (request: Partial<OpenRequest>) => {
    const done = follow({ room_id: 'r-jisoo', message_id: null, seq: null, reply: false, ...request });
    await vi.advanceTimersByTimeAsync(400);
    await done;
  };

  it('are handed to the system once each', () => {
    app.apply({ type: 'notification', value: view(message()) });
    app.apply({ type: 'notification', value: view(message(), inGroup) });
    expect(backend.notified.map(({ title }) => title)).toEqual(['김지수', 'Lucía Fernández in Harbour project']);
    stop();
    app.apply({ type: 'notification', value: view(message()) });
    expect(backend.notified).toHaveLength(2);
  });

  it('open their room from wherever one is', async () => {
    ui.settings('account');
    ui.dialog = 'switcher';
    backend.press({ room_id: 'r-jisoo', message_id: null, seq: null, reply: false });
    await vi.advanceTimersByTimeAsync(400);
    expect(app.timeline?.room.id).toBe('r-jisoo');
    expect([ui.page, ui.dialog]).toEqual(['home', null]);
  });

  it('go to the message only where it is not in view already', async () => {
    await backend.send({ type: 'open_room', room_id: 'r-jisoo' });
    await vi.advanceTimersByTimeAsync(400);
    const known = app.timeline!.messages.at(-1)!;
    sent.length = 0;
    await open({ message_id: known.id, seq: known.seq });
    expect(sent.map(({ type }) => type)).not.toContain('jump_to');
    await open({ message_id: 'm-elsewhere', seq: 3 });
    expect(sent).toContainEqual({ type: 'jump_to', room_id: 'r-jisoo', to: { type: 'place', seq: 3 } });
  });
});
