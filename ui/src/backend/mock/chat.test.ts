import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Snapshot } from '../../generated/view';
import { MockChat } from './chat';
import { snapshotOf } from './scenes';

vi.stubGlobal('location', { search: '' });

/** The chat of a scene, and the world that it changes. */
function chatIn(scene: string) {
  let world: Snapshot = snapshotOf(scene);
  const chat = new MockChat(
    { get: () => world, set: (change) => (world = { ...world, ...change }), open: () => undefined, files: () => [] },
    scene,
  );
  return { chat, timeline: () => world.timeline!, thread: () => world.thread };
}

const ROOM = 'r-design';

describe('the chat of the invented world', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('pages to the newest message and no further', () => {
    const { chat, timeline } = chatIn('room-jumped');
    const first = timeline().messages[0]!.seq;
    for (let turn = 0; turn < 20 && timeline().has_newer; turn++) {
      chat.send({ type: 'load_newer', room_id: ROOM });
      expect(timeline().loading_newer).toBe(true);
      vi.advanceTimersByTime(1_000);
    }
    expect(timeline()).toMatchObject({ has_newer: false, loading_newer: false });
    expect(timeline().messages[0]!.seq).toBe(first);
    const seqs = timeline().messages.map((message) => message.seq!);
    expect(seqs).toEqual(seqs.map((_, index) => seqs[0]! + index));
  });

  it('jumps to a place with what stands around it, each time anew', () => {
    const { chat, timeline } = chatIn('room-jumped');
    chat.send({ type: 'jump_to', room_id: ROOM, to: { type: 'place', seq: 20 } });
    const { focus } = timeline();
    expect(focus?.seq).toBe(20);
    expect(timeline().messages.some((message) => message.seq === 20)).toBe(true);
    chat.send({ type: 'jump_to', room_id: ROOM, to: { type: 'place', seq: 20 } });
    expect(timeline().focus!.jump).toBeGreaterThan(focus!.jump);
    chat.send({ type: 'jump_to', room_id: ROOM, to: { type: 'newest' } });
    expect(timeline()).toMatchObject({ has_newer: false, focus: null });
  });

  it('counts a reaction once for me', () => {
    const { chat, timeline } = chatIn('room-rich');
    const react = (on: boolean) =>
      chat.send({ type: 'set_reaction', room_id: ROOM, message_id: 'm-2', emoji: '👍', on });
    const count = () => timeline().messages[1]!.reactions[0]?.count ?? 0;
    react(true);
    react(true);
    expect(count()).toBe(1);
    react(false);
    expect(count()).toBe(0);
  });

  it('answers in a thread beside the timeline, and counts it under the first message', () => {
    const { chat, timeline, thread } = chatIn('room-rich');
    chat.send({ type: 'open_thread', room_id: ROOM, message_id: 'm-2' });
    vi.advanceTimersByTime(1_000);
    const before = timeline().messages.length;
    chat.send({
      type: 'send_message',
      room_id: ROOM,
      text: 'ask <@u-lucia>',
      reply_to: null,
      thread_id: 'm-2',
      attachments: [],
    });
    vi.advanceTimersByTime(1_000);
    expect(timeline().messages).toHaveLength(before);
    expect(timeline().messages[1]!.thread?.replies).toBe(1);
    expect(thread()?.messages).toMatchObject([
      { state: { type: 'stored' }, body: { mentions: [{ name: 'Lucía Fernández', me: false }] } },
    ]);
  });

  it('keeps what an edited message said before', () => {
    const { chat } = chatIn('room-rich');
    chat.send({ type: 'edit_message', room_id: ROOM, message_id: 'm-3', text: 'And the doors?' });
    expect(chat.versions('m-3').map((version) => version.text)).toEqual([
      'And the doors?',
      'That is wonderful news. So we keep the original windows?',
    ]);
  });
});
