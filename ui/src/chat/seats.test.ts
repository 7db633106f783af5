import { describe, expect, it } from 'vitest';
import type { MessageView } from '../generated/view';
import { said } from './fixtures';
import type { Row } from './rows';
import { Seats, shapeOf } from './seats';

const row = (key: string, more: Partial<MessageView> = {}): Row => ({
  kind: 'message',
  key,
  message: said(key, 'a', 0, more),
  first: false,
  last: true,
});
const rows = (...keys: string[]) => keys.map((key) => row(key));
const text = (text: string) => ({ type: 'text' as const, text, mentions: [], attachments: [] });
const seatsOf = (seats: Seats, drawn: Row[]) => drawn.map((one) => seats.of(one));

describe('Seats', () => {
  it('keeps what stays and gives what is left to what comes', () => {
    const seats = new Seats();
    const [before, after] = [rows('a', 'b', 'c'), rows('c', 'd', 'e', 'f')];
    seats.take(before, true);
    const [a, b, c] = seatsOf(seats, before);
    seats.take(after, true);
    expect(seatsOf(seats, after).slice(0, 3)).toEqual([c, a, b]);
    expect([a, b, c]).not.toContain(seats.of(after[3]!));
  });

  it('seats no two rows in one place, however the view flies', () => {
    const seats = new Seats();
    const all = Array.from({ length: 300 }, (_, index) =>
      row(`k${index}`, { mine: index % 3 === 0, pinned: index % 7 === 0 }),
    );
    for (const [from, to] of [
      [0, 12],
      [5, 19],
      [200, 206],
      [200, 212],
      [190, 204],
      [0, 30],
    ]) {
      const drawn = all.slice(from, to);
      seats.take(drawn, true);
      expect(new Set(seatsOf(seats, drawn)).size).toBe(drawn.length);
    }
  });

  it('makes no element for rows that fly by in the same number', () => {
    const seats = new Seats();
    const used = new Set<number>();
    for (let at = 0; at < 1_000; at += 10) {
      const drawn = rows(...Array.from({ length: 10 }, (_, index) => `k${at + index}`));
      seats.take(drawn, true);
      for (const id of seatsOf(seats, drawn)) used.add(id);
    }
    expect(used.size).toBe(10);
  });

  it('seats nobody where a row had more than text, whenever it came by it', () => {
    const seats = new Seats();
    const [pinned, later, other] = [row('pinned', { pinned: true }), row('later'), row('other')];
    seats.take([pinned, later], true);
    const left = seatsOf(seats, [pinned, later]);
    seats.take([pinned, row('later', { pinned: true })], true);
    seats.take([other], true);
    expect(left).not.toContain(seats.of(other));
  });

  it('gives no place away while somebody is among the rows', () => {
    const seats = new Seats();
    const [before, after] = [rows('a', 'b'), rows('c', 'd')];
    seats.take(before, true);
    const left = seatsOf(seats, before);
    seats.take(after, false);
    expect(seatsOf(seats, after).filter((id) => left.includes(id))).toEqual([]);
  });
});

it('knows the shapes that share their elements', () => {
  expect(shapeOf(row('a'))).toBe('next');
  expect(shapeOf({ ...row('a'), first: true } as Row)).toBe('first');
  expect(shapeOf(row('a', { mine: true }))).toBe('mine');
  expect(shapeOf({ kind: 'day', key: 'day-1', ms: 1 })).toBe('day');
  const own: Partial<MessageView>[] = [
    { pinned: true },
    { edited: true },
    { state: { type: 'failed', code: 'offline' } },
    { reactions: [{ emoji: '👍', count: 1, mine: false, names: [] }] },
    { body: { type: 'deleted' } },
    { body: { type: 'call', call_id: 'k', outcome: 'missed', duration_s: 0 } },
    { body: text('with `code`') },
    { body: text('one\n\nand another') },
    { body: text('for <@everyone>') },
  ];
  for (const more of own) expect(shapeOf(row('a', more)), JSON.stringify(more)).toBeNull();
  expect(shapeOf({ kind: 'unread', key: 'unread' })).toBeNull();
});
