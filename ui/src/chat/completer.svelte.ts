import type { RoomDetails } from '../generated/view';
import { t } from '../i18n/i18n.svelte';
import { announcer } from '../state/announcer.svelte';
import { choicesFor, type Choice } from './choices';
import { askedAt, type Asked } from './mentions';

/** What is offered for the word that is being typed, and which of it the keys are on. */
export class Completer {
  asked = $state.raw<Asked | null>(null);
  choices = $state.raw<readonly Choice[]>([]);
  at = $state(0);

  constructor(
    private readonly room: () => RoomDetails,
    private readonly take: (choice: Choice, from: number) => void,
  ) {}

  /** Looks at the text up to the caret; null closes. */
  async look(before: string | null): Promise<void> {
    const now = before === null ? null : askedAt(before);
    this.asked = now;
    if (now === null) return this.close();
    const found = await choicesFor(now, this.room()).catch((): Choice[] => []);
    if (this.asked !== now) return;
    if (this.choices.length === 0 && found.length > 0) announcer.say(t('mention.count', { count: found.length }));
    this.choices = found;
    this.at = 0;
  }

  close(): void {
    this.asked = null;
    this.choices = [];
  }

  pick(choice: Choice): void {
    if (this.asked !== null) this.take(choice, this.asked.from);
    this.close();
  }

  /** True when the key was for the choices. */
  onKey(event: KeyboardEvent): boolean {
    const count = this.choices.length;
    if (count === 0) return false;
    if (event.key === 'ArrowDown') this.at = (this.at + 1) % count;
    else if (event.key === 'ArrowUp') this.at = (this.at - 1 + count) % count;
    else if (event.key === 'Escape') this.close();
    else if ((event.key === 'Enter' && !event.shiftKey) || event.key === 'Tab') this.pick(this.choices[this.at]!);
    else return false;
    return true;
  }
}
