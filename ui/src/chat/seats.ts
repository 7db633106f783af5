import { parse, plainOf } from './richtext';
import type { Row } from './rows';

/**
 * Which row sits in which element. What a row leaves takes the next one of its shape: while one drags through a long talk, hundreds
 * of rows a second that are made and thrown away fill the memory, and its collector holds a frame for tens of milliseconds.
 */
export class Seats {
  /** By the row's key, with the shape that the row had when it was drawn last. */
  #seats = new Map<string, { id: number; shape: Shape | null }>();
  #made = 0;

  /** Seats the rows that are drawn. Those that stay keep their seats. Without `reuse`, as while one of them has the focus, a new row has a new seat. */
  take(rows: readonly Row[], reuse: boolean): void {
    const before = this.#seats;
    const free: Record<Shape, number[]> = { day: [], mine: [], first: [], next: [] };
    if (reuse) {
      const here = new Set(rows.map((row) => row.key));
      for (const [key, { id, shape }] of before) if (shape !== null && !here.has(key)) free[shape].push(id);
    }
    this.#seats = new Map();
    for (const row of rows) {
      const shape = shapeOf(row);
      const left = before.get(row.key)?.id ?? (shape === null ? undefined : free[shape].shift());
      this.#seats.set(row.key, { id: left ?? this.#made++, shape });
    }
  }

  /** The seat of a row that is drawn. */
  of(row: Row): number {
    return this.#seats.get(row.key)!.id;
  }
}

export type Shape = 'day' | 'mine' | 'first' | 'next';

/** What a row is made of, where its elements remember nothing of it. Null: more than text and time, and no other row comes to sit there. */
export function shapeOf(row: Row): Shape | null {
  if (row.kind !== 'message') return row.kind === 'day' ? 'day' : null;
  const { body, mine, reply, thread, reactions, pinned, edited, state } = row.message;
  const bare = reply === null && thread === null && reactions.length === 0 && !pinned && !edited;
  if (!bare || state.type === 'failed' || body.type !== 'text' || body.attachments.length > 0) return null;
  if (plainOf(parse(body.text)) === null) return null;
  return mine ? 'mine' : row.first ? 'first' : 'next';
}
