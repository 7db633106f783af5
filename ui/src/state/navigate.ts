import { t } from '../i18n/i18n.svelte';
import { app } from './app.svelte';
import { act, hint } from './session.svelte';
import { toasts } from './toasts.svelte';
import { ui } from './ui.svelte';

/** Shows a room at once, with what the list knows of it, while its timeline comes. */
export async function openRoom(roomId: string): Promise<void> {
  ui.page = 'home';
  ui.search = '';
  if (app.timeline?.room.id === roomId) return;
  ui.opening = roomId;
  await act({ type: 'open_room', room_id: roomId });
  if (ui.opening === roomId) ui.opening = null;
}

/** Opens the conversation with a person; true when it stands. */
export async function openDirect(userId: string): Promise<boolean> {
  const known = app.rooms.rooms.find((room) => room.kind === 'direct' && room.peer?.id === userId);
  ui.page = 'home';
  if (known) {
    await openRoom(known.id);
    return app.timeline?.room.id === known.id;
  }
  ui.search = '';
  return await act({ type: 'open_direct', user_id: userId });
}

export async function closeRoom(): Promise<void> {
  ui.opening = null;
  ui.details = false;
  await act({ type: 'close_room' });
}

export async function startCall(roomId: string, camera: boolean): Promise<void> {
  await act({ type: 'start_call', room_id: roomId, camera });
}

export async function callPerson(userId: string): Promise<void> {
  if ((await openDirect(userId)) && app.timeline?.room.peer?.id === userId) await startCall(app.timeline.room.id, true);
}

/** Leaves after a time in which it can be taken back; the room is gone from the screen at once. */
export function leaveRoom(roomId: string, name: string): void {
  ui.leave(roomId);
  void closeRoom();
  toasts.undoable(
    t('details.left', { name }), t('common.undo'),
    () => void act({ type: 'leave_room', room_id: roomId }).finally(() => ui.stay(roomId)),
    () => { ui.stay(roomId); void openRoom(roomId); },
  );
}

/** Deletes after a time in which it can be taken back. */
export function deleteMessage(roomId: string, messageId: string): void {
  ui.hide(messageId);
  toasts.undoable(
    t('message.deleting'), t('common.undo'),
    () => void act({ type: 'delete_message', room_id: roomId, message_id: messageId }).finally(() => ui.show(messageId)),
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
