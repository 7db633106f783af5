import { tick } from 'svelte';
import { t } from '../i18n/i18n.svelte';
import { app } from './app.svelte';
import { act, hint } from './session.svelte';
import { toasts } from './toasts.svelte';
import { ui } from './ui.svelte';
import { until } from './until.svelte';

/** How long an event may come after the answer of its command. */
const SOON_MS = 5_000;

/** Shows a room at once, with what the list knows of it, while its timeline comes. */
export async function openRoom(roomId: string): Promise<void> {
  ui.page = 'home';
  ui.search = '';
  if (app.timeline?.room.id === roomId) return;
  ui.opening = roomId;
  const opens = await act({ type: 'open_room', room_id: roomId });
  if (!opens && ui.opening === roomId) ui.opening = null;
}

/** Opens the conversation with a person. */
export async function openDirect(userId: string): Promise<void> {
  const known = app.rooms.rooms.find((room) => room.kind === 'direct' && room.peer?.id === userId);
  if (known) return await openRoom(known.id);
  ui.page = 'home';
  ui.search = '';
  await act({ type: 'open_direct', user_id: userId });
}

/** Back to the list, with the focus on the room that was open. */
export async function closeRoom(): Promise<void> {
  const was = app.timeline?.room.id ?? ui.opening;
  ui.opening = null;
  ui.details = false;
  if (ui.finding) ui.finding = { ...ui.finding, away: false };
  ui.pins = false;
  await act({ type: 'close_room' });
  await until(() => app.timeline === null, SOON_MS);
  await tick();
  if (was !== null && document.activeElement === document.body)
    document.querySelector<HTMLElement>(`[data-room="${CSS.escape(was)}"], [data-hit][aria-current]`)?.focus();
}

export async function startCall(roomId: string, camera: boolean, muted = false): Promise<void> {
  await act({ type: 'start_call', room_id: roomId, camera, muted });
}

export async function callPerson(userId: string): Promise<void> {
  await openDirect(userId);
  const stands = () => app.timeline?.room.peer?.id === userId;
  if ((await until(stands, SOON_MS)) && app.timeline) await startCall(app.timeline.room.id, true);
}

/** Leaves after a time in which it can be taken back; the room is gone from the screen at once. */
export function leaveRoom(roomId: string, name: string): void {
  ui.leave(roomId);
  void closeRoom();
  toasts.undoable(
    t('details.left', { name }),
    t('common.undo'),
    () => void act({ type: 'leave_room', room_id: roomId }).finally(() => ui.stay(roomId)),
    () => {
      ui.stay(roomId);
      void openRoom(roomId);
    },
  );
}

/** What stands beside the room: one thing at a time. */
export function showBeside(what: 'details' | 'pins'): void {
  const open = app.thread === null && ui[what];
  ui.details = what === 'details' && !open;
  ui.pins = what === 'pins' && !open;
  if (app.thread !== null) void act({ type: 'close_thread' });
}

/** Where the focus was when the thread was opened. */
let beforeThread: string | null = null;

export async function openThread(roomId: string, messageId: string): Promise<void> {
  const from = document.activeElement?.closest<HTMLElement>('[data-key]');
  beforeThread = from?.dataset.key ?? null;
  await act({ type: 'open_thread', room_id: roomId, message_id: messageId });
}

/** Closes the thread, with the focus on the message that began it. */
export async function closeThread(): Promise<void> {
  await act({ type: 'close_thread' });
  await until(() => app.thread === null, SOON_MS);
  await tick();
  const key = beforeThread;
  beforeThread = null;
  const row = key === null ? null : document.querySelector(`[data-key="${CSS.escape(key)}"] [data-message]`);
  const target = row ?? document.querySelector('[data-testid=composer]');
  if (target instanceof HTMLElement) target.focus({ preventScroll: true });
}

/** Deletes after a time in which it can be taken back. */
export function deleteMessage(roomId: string, messageId: string): void {
  ui.hide(messageId);
  toasts.undoable(
    t('message.deleting'),
    t('common.undo'),
    () =>
      void act({ type: 'delete_message', room_id: roomId, message_id: messageId }).finally(() => ui.show(messageId)),
    () => ui.show(messageId),
  );
}

export function toggleMute(): void {
  if (app.call) void act({ type: 'set_muted', muted: !app.call.muted });
}

export function toggleCamera(): void {
  if (app.call) void act({ type: 'set_camera', on: !app.call.camera_on });
}

export function searchPeople(query: string): void {
  hint({ type: 'search_people', query });
}
