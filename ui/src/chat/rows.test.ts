import { describe, expect, it } from 'vitest';
import type { MessageView } from '../generated/view';
import { said } from './fixtures';
import { rowsOf, type Row } from './rows';

const NOON = new Date(2026, 4, 12, 12).getTime();
const MINUTE = 60_000;

const message = (seq: number, sender: string, at: number, more: Partial<MessageView> = {}) =>
  said(`c${seq}`, sender, at, { id: `m${seq}`, seq, ...more });

const timeline = (messages: MessageView[], unread_from: number | null = null) => ({
  messages,
  has_older: true,
  loading: false,
  unread_from,
});
const shape = (rows: Row[]) =>
  rows
    .map((row) =>
      row.kind === 'message' ? `${row.first ? '[' : ''}${row.message.client_id}${row.last ? ']' : ''}` : row.kind,
    )
    .join(' ');

describe('rowsOf', () => {
  it('puts what one person says within five minutes under one name', () => {
    const rows = rowsOf(
      timeline([
        message(1, 'a', NOON),
        message(2, 'a', NOON + MINUTE),
        message(3, 'b', NOON + 2 * MINUTE),
        message(4, 'a', NOON + 3 * MINUTE),
        message(5, 'a', NOON + 9 * MINUTE),
      ]),
      new Set(),
    );
    expect(shape(rows)).toBe('day [c1 c2] [c3] [c4] [c5]');
  });

  it('begins each day with its name', () => {
    const rows = rowsOf(timeline([message(1, 'a', NOON), message(2, 'a', NOON + 24 * 60 * MINUTE)]), new Set());
    expect(shape(rows)).toBe('day [c1] day [c2]');
  });

  it('draws the unread line before the first unread message and ends the group there', () => {
    const rows = rowsOf(timeline([message(1, 'a', NOON), message(2, 'a', NOON + MINUTE)], 2), new Set());
    expect(shape(rows)).toBe('day [c1] unread [c2]');
  });

  it('closes the gap of a hidden message', () => {
    const rows = rowsOf(
      timeline([message(1, 'a', NOON), message(2, 'b', NOON + 1), message(3, 'a', NOON + MINUTE)]),
      new Set(['m2']),
    );
    expect(shape(rows)).toBe('day [c1 c3]');
  });

  it('keeps calls apart', () => {
    const rows = rowsOf(
      timeline([
        message(1, 'a', NOON),
        message(2, 'a', NOON + 1, { body: { type: 'call', call_id: 'k', outcome: 'missed', duration_s: 0 } }),
        message(3, 'a', NOON + 2),
      ]),
      new Set(),
    );
    expect(shape(rows)).toBe('day [c1] [c2] [c3]');
  });

  it('tells the beginning only when there is nothing older', () => {
    expect(rowsOf({ ...timeline([]), has_older: false }, new Set()).map((row) => row.kind)).toEqual(['beginning']);
    expect(rowsOf(timeline([]), new Set())).toEqual([]);
  });

  it('gives every row a key of its own', () => {
    const rows = rowsOf(
      timeline(
        Array.from({ length: 400 }, (_, index) => message(index, `${index % 3}`, NOON + index * 50 * MINUTE)),
        200,
      ),
      new Set(),
    );
    expect(new Set(rows.map((row) => row.key)).size).toBe(rows.length);
  });
});
