import { tick } from 'svelte';
import type { OpenRequest } from '../backend/backend';
import { app } from '../state/app.svelte';
import { openRoom } from '../state/navigate';
import { act, connected } from '../state/session.svelte';
import { ui } from '../state/ui.svelte';
import { until } from '../state/until.svelte';
import { notificationOf } from './words';

/** How long the timeline of a room may take to come. */
const SOON_MS = 5_000;

/** Tells what is to be told outside of the window, and goes where its notifications lead. Stops by the returned function. */
export function followNotifications(): () => void {
  let stopped = false;
  let stopOpening: (() => void) | null = null;
  const stopTelling = app.onNotification((view) => void connected().notify(notificationOf(view)).catch(ignore));
  void connected()
    .onOpenRoom((request) => void follow(request))
    .then((stop) => (stopped ? stop() : (stopOpening = stop)), ignore);
  return () => {
    stopped = true;
    stopTelling();
    stopOpening?.();
  };
}

/** A system that shows no notification is no reason to stop anything. */
function ignore(): void {}

/** Opens the room, at the message where there is one; what stands over the room goes away. */
export async function follow({ room_id, message_id, seq, reply }: OpenRequest): Promise<void> {
  ui.dialog = null;
  ui.viewing = null;
  ui.callFills = false;
  if (ui.finding !== null) ui.finding = { ...ui.finding, away: true };
  await openRoom(room_id);
  if (!(await until(() => app.timeline?.room.id === room_id, SOON_MS))) return;
  const shown = app.timeline?.messages.some((message) => message.id === message_id) ?? false;
  if (seq !== null && !shown) await act({ type: 'jump_to', room_id, to: { type: 'place', seq } });
  if (!reply) return;
  await tick();
  document.querySelector<HTMLElement>('[data-testid=composer]')?.focus();
}
