import type { CommandError, DraftFile } from '../generated/view';
import { t, tOr } from '../i18n/i18n.svelte';
import { announcer } from '../state/announcer.svelte';
import { errorSentence } from '../state/errors';
import { attach, hint } from '../state/session.svelte';
import { ATTACHMENTS_PER_MESSAGE } from '../generated/limits';
import { fileProblem } from './limits';

/** ```text
 * adding --attached--> ready --taken--> (sent)
 *    `--refused--> failed
 * ``` */
export type DraftEntry = { id: number; name: string; size: number } & (
  { state: 'adding' } | { state: 'ready'; file: DraftFile } | { state: 'failed'; problem: string }
);

/** The files of one message that is being written. */
export class Drafts {
  list = $state.raw<readonly DraftEntry[]>([]);
  /** What is wrong with the message as a whole: too many files. */
  problem = $state<string | null>(null);
  #next = 1;

  readonly ready = $derived(this.list.flatMap((entry) => (entry.state === 'ready' ? [entry.file] : [])));
  readonly adding = $derived(this.list.some((entry) => entry.state === 'adding'));

  constructor(
    private readonly attach: (file: File) => Promise<DraftFile>,
    private readonly discard: (key: string) => void,
  ) {}

  async add(files: readonly File[]): Promise<void> {
    const room = ATTACHMENTS_PER_MESSAGE - this.list.filter((entry) => entry.state !== 'failed').length;
    this.problem = files.length > room ? t('files.too_many', { count: ATTACHMENTS_PER_MESSAGE }) : null;
    const taken = files.slice(0, Math.max(0, room));
    if (this.problem !== null) announcer.say(this.problem);
    else announcer.say(t('files.added', { count: taken.length }));
    await Promise.all(taken.map((file) => this.#take(file)));
  }

  async #take(file: File): Promise<void> {
    const entry = { id: this.#next++, name: file.name, size: file.size };
    const wrong = fileProblem(file);
    if (wrong !== null) return this.#put({ ...entry, state: 'failed', problem: wrong });
    this.#put({ ...entry, state: 'adding' });
    try {
      const draft = await this.attach(file);
      if (this.#has(entry.id)) this.#put({ ...entry, state: 'ready', file: draft });
      else this.discard(draft.key);
    } catch (error) {
      if (this.#has(entry.id)) this.#put({ ...entry, state: 'failed', problem: refusal(error as CommandError) });
    }
  }

  remove(id: number): void {
    const entry = this.list.find((other) => other.id === id);
    if (entry?.state === 'ready') this.discard(entry.file.key);
    this.list = this.list.filter((other) => other.id !== id);
    this.problem = null;
  }

  /** What is sent with the message; what could not be added goes from the row too. */
  take(): readonly DraftEntry[] {
    const taken = this.list.filter((entry) => entry.state === 'ready');
    this.list = this.list.filter((entry) => entry.state === 'adding');
    this.problem = null;
    return taken;
  }

  /** Puts back what could not be sent. */
  giveBack(entries: readonly DraftEntry[]): void {
    this.list = [...entries, ...this.list];
  }

  #has(id: number): boolean {
    return this.list.some((entry) => entry.id === id);
  }

  #put(entry: DraftEntry): void {
    this.list = this.#has(entry.id)
      ? this.list.map((other) => (other.id === entry.id ? entry : other))
      : [...this.list, entry];
  }
}

function refusal(error: CommandError): string {
  if (error.code === 'too_large') return tOr('files.refused_too_large', error.message);
  return errorSentence(error);
}

/** The keys of entries that are ready. */
export function keysOf(entries: readonly DraftEntry[]): string[] {
  return entries.flatMap((entry) => (entry.state === 'ready' ? [entry.file.key] : []));
}

const boxes = new Map<string, Drafts>();

/** The files of the message that is being written in a room, or in a thread of it. They stay while the room is left. */
export function draftsOf(roomId: string, threadId: string | null): Drafts {
  const key = `${roomId}/${threadId ?? ''}`;
  let box = boxes.get(key);
  if (!box) boxes.set(key, (box = new Drafts(attach, (draft) => hint({ type: 'discard_file', key: draft }))));
  return box;
}

/** Beside the places that take files, a drop does nothing: a webview would leave the app for the file. */
export function refuseFiles(event: DragEvent): void {
  if (event.defaultPrevented || event.dataTransfer?.types.includes('Files') !== true) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = 'none';
}

/** The files that came with a paste or a drop; folders have no bytes and are left out. */
export function filesOf(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])].filter((file) => file.size > 0 || file.type !== '');
}

/** For whoever signs out: the next person has files of their own. */
export function forgetDrafts(): void {
  boxes.clear();
}
