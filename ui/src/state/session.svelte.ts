import { asCommandError, type Answers, type Backend, type FileVariant } from '../backend/backend';
import type { Command, CommandError, DraftFile, ExportFormat, Query } from '../generated/view';
import { app } from './app.svelte';
import { toasts } from './toasts.svelte';
import { errorSentence } from './errors';

let backend: Backend | null = null;

/** Starts the flow of events into `app`, then fills it from the snapshot. Events that arrive in between are applied after it. */
export async function start(chosen: Backend): Promise<void> {
  backend = chosen;
  let early: Parameters<typeof app.apply>[0][] | null = [];
  await chosen.subscribe((event) => (early === null ? app.apply(event) : early.push(event)));
  app.load(await chosen.ask({ type: 'snapshot' }));
  for (const event of early) app.apply(event);
  early = null;
}

/** Rejects with a [`CommandError`]; for forms that show the refusal beside a field. */
export async function send(command: Command): Promise<void> {
  try {
    await connected().send(command);
  } catch (thrown) {
    throw asCommandError(thrown);
  }
}

/** Sends, and says a refusal in a toast. True when it was done. */
export async function act(command: Command): Promise<boolean> {
  try {
    await send(command);
    return true;
  } catch (error) {
    toasts.error(errorSentence(error as CommandError));
    return false;
  }
}

/** Sends what nobody waits for, such as typing; a refusal is of no interest. */
export function hint(command: Command): void {
  void connected()
    .send(command)
    .catch(() => undefined);
}

export async function ask<Q extends Query>(query: Q): Promise<Answers[Q['type']]> {
  try {
    return await connected().ask(query);
  } catch (thrown) {
    throw asCommandError(thrown);
  }
}

/** Rejects with a [`CommandError`]. */
export async function attach(file: File): Promise<DraftFile> {
  try {
    return await connected().attach(file);
  } catch (thrown) {
    throw asCommandError(thrown);
  }
}

/** False when the person thought better of it. Rejects with a [`CommandError`]. */
export async function saveFile(key: string, name: string): Promise<boolean> {
  try {
    return await connected().saveFile(key, name);
  } catch (thrown) {
    throw asCommandError(thrown);
  }
}

/** Writes a room's history to a file, or everything of mine where no room is named. False when the person thought better of it. Rejects with a [`CommandError`]. */
export async function exportTo(room: { id: string; format: ExportFormat } | null): Promise<boolean> {
  try {
    return await (room === null ? connected().exportData() : connected().exportRoom(room.id, room.format));
  } catch (thrown) {
    throw asCommandError(thrown);
  }
}

export function fileUrl(key: string, variant: FileVariant): string {
  return connected().fileUrl(key, variant);
}

export function connected(): Backend {
  if (backend === null) throw new Error('start() comes before the first command');
  return backend;
}
