import { tick } from 'svelte';
import type { SearchHit } from '../generated/view';
import { app } from '../state/app.svelte';
import { act, ask } from '../state/session.svelte';
import { ui } from '../state/ui.svelte';
import { Finder } from './finder.svelte';

/** The search of this window. It stays as it was while a hit is looked at. */
export const finder = new Finder(
  (source, query, room_id, before) =>
    ask({ type: 'search', query, source, room_id, before, utc_offset_min: -new Date().getTimezoneOffset() }),
  () => app.connection.type === 'online',
);

/** Shows the search over messages, in one room or in all. */
export function openSearch(roomId: string | null, query = finder.query): void {
  ui.page = 'home';
  ui.search = '';
  ui.finding = { away: false, asked: (ui.finding?.asked ?? 0) + 1 };
  finder.type(query, roomId);
}

/** Back to the list of rooms. */
export function closeSearch(): void {
  if (ui.finding === null) return;
  ui.finding = null;
  finder.clear();
  void tick().then(() => {
    if (document.activeElement !== document.body) return;
    const next = app.timeline ? '[data-testid=composer]' : '[data-testid=search]';
    document.querySelector<HTMLElement>(next)?.focus();
  });
}

/** Brings a hit into view; where one zone is shown at a time, the room takes the place of the search. */
export async function goTo(hit: SearchHit): Promise<void> {
  const { id, seq } = hit.message;
  const to = seq !== null ? ({ type: 'place', seq } as const) : ({ type: 'message', message_id: id ?? '' } as const);
  const was = ui.opening;
  if (app.timeline?.room.id !== hit.room_id) ui.opening = hit.room_id;
  if (ui.finding) ui.finding = { ...ui.finding, away: true };
  if (!(await act({ type: 'jump_to', room_id: hit.room_id, to })) && ui.opening === hit.room_id) ui.opening = was;
}
