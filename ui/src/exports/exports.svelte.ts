import type { CommandError, ExportFormat } from '../generated/view';
import { t } from '../i18n/i18n.svelte';
import { announcer } from '../state/announcer.svelte';
import { app } from '../state/app.svelte';
import { errorSentence } from '../state/errors';
import { act, exportTo } from '../state/session.svelte';
import { toasts } from '../state/toasts.svelte';

/** The key of what is no room. */
const DATA = 'data';

/** The one writing to a file that this window may have asked for. */
class Exports {
  /** What was asked for and is not done: the room's id, or `data`. */
  asked = $state<string | null>(null);
  /** Why it was not written, beside where it was asked for. */
  problem = $state.raw<{ of: string; sentence: string } | null>(null);
  /** Another cannot begin. */
  readonly busy = $derived(this.asked !== null || app.export !== null);
  #cancelled = false;
  /** Places that show a problem. */
  #shown = new Map<string, number>();

  room(id: string, title: string, format: ExportFormat): Promise<void> {
    return this.#write(id, { id, format }, t('export.done_room', { name: title }));
  }

  data(): Promise<void> {
    return this.#write(DATA, null, t('export.done_data'));
  }

  async cancel(): Promise<void> {
    this.#cancelled = true;
    await act({ type: 'cancel_export' });
  }

  problemOf(roomId: string | null): string | null {
    return this.problem?.of === (roomId ?? DATA) ? this.problem.sentence : null;
  }

  /** A problem of this is seen where it was asked for, until the returned function is called. */
  show(roomId: string | null): () => void {
    const of = roomId ?? DATA;
    this.#shown.set(of, (this.#shown.get(of) ?? 0) + 1);
    return () => this.#shown.set(of, (this.#shown.get(of) ?? 1) - 1);
  }

  async #write(of: string, room: Parameters<typeof exportTo>[0], done: string): Promise<void> {
    if (this.busy) return;
    this.asked = of;
    this.problem = null;
    this.#cancelled = false;
    try {
      if (await exportTo(room)) tell(done);
      else if (this.#cancelled) tell(t('export.cancelled'));
    } catch (thrown) {
      const sentence = sentenceOf(thrown as CommandError);
      this.problem = { of, sentence };
      if (!this.#shown.get(of)) toasts.error(sentence);
    }
    this.asked = null;
  }
}

function tell(text: string): void {
  announcer.say(text);
  toasts.info(text);
}

function sentenceOf(error: CommandError): string {
  if (error.code === 'conflict') return t('export.busy');
  if (error.code === 'storage') return t('export.failed_storage');
  return errorSentence(error);
}

export const exports = new Exports();
