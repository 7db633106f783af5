import type { MessageView, TimelineView } from '../generated/view';
import { dayOf } from '../state/time.svelte';

/** One row of the timeline as it is drawn. `key` is stable while the row means the same. */
export type Row =
  | { kind: 'beginning'; key: string }
  | { kind: 'day'; key: string; ms: number }
  | { kind: 'unread'; key: string }
  | { kind: 'message'; key: string; message: MessageView; first: boolean; last: boolean };

/** Messages of one person closer than this stand together under one name. */
const GROUP_MS = 5 * 60_000;

/** Messages with the lines between them. `hidden` holds ids of messages that are not drawn at all. */
export function rowsOf(
  timeline: Pick<TimelineView, 'messages' | 'has_older' | 'loading' | 'unread_from'>,
  hidden: ReadonlySet<string>,
): Row[] {
  const rows: Row[] = [];
  if (!timeline.has_older && !timeline.loading) rows.push({ kind: 'beginning', key: 'beginning' });
  let before: MessageView | null = null;
  let day = Number.NaN;
  for (const message of timeline.messages) {
    if (message.id !== null && hidden.has(message.id)) continue;
    const newDay = !isOn(day, message.sent_at_ms);
    if (newDay) day = dayOf(message.sent_at_ms);
    const unread = timeline.unread_from !== null && message.seq === timeline.unread_from;
    if (newDay) rows.push({ kind: 'day', key: `day-${day}`, ms: message.sent_at_ms });
    if (unread) rows.push({ kind: 'unread', key: 'unread' });
    const joins = before !== null && !newDay && !unread && standTogether(before, message);
    const previous = rows.at(-1);
    if (joins && previous?.kind === 'message') previous.last = false;
    rows.push({ kind: 'message', key: message.client_id, message, first: !joins, last: true });
    before = message;
  }
  return rows;
}

/** Whether `ms` falls on the day that began at `day`. The calendar is asked near midnight alone: it is slow, and days of 23 hours exist. */
function isOn(day: number, ms: number): boolean {
  return (ms >= day && ms - day < 22 * 3_600_000) || dayOf(ms) === day;
}

function standTogether(a: MessageView, b: MessageView): boolean {
  return (
    a.sender_id === b.sender_id &&
    a.body.type !== 'call' &&
    b.body.type !== 'call' &&
    b.sent_at_ms - a.sent_at_ms < GROUP_MS
  );
}
