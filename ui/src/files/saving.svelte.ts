import type { CommandError } from '../generated/view';
import { t } from '../i18n/i18n.svelte';
import { announcer } from '../state/announcer.svelte';
import { errorSentence } from '../state/errors';
import { saveFile } from '../state/session.svelte';
import { toasts } from '../state/toasts.svelte';

/** The writing of one file to where the person wants it. */
export class Saving {
  busy = $state(false);
  problem = $state<string | null>(null);

  async save(key: string, name: string): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.problem = null;
    try {
      if (await saveFile(key, name)) {
        announcer.say(t('files.saved', { name }));
        toasts.info(t('files.saved', { name }));
      }
    } catch (error) {
      this.problem = errorSentence(error as CommandError);
    }
    this.busy = false;
  }
}
