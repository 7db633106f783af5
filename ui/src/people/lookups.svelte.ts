import type { CommandError, InviteInfoView, Registration } from '../generated/view';
import { t } from '../i18n/i18n.svelte';
import { errorSentence } from '../state/errors';
import { ask } from '../state/session.svelte';

/** How long someone types before what they typed is looked up. */
export const PAUSE_MS = 350;

/** Who may make an account on the relay whose address stands in a field. */
export class RelayLook {
  /** None while it is not known: a relay that does not answer is told of when one signs in. */
  registration = $state.raw<Registration | null>(null);
  #asked = '';
  #timer: ReturnType<typeof setTimeout> | undefined;

  look(address: string): void {
    const url = address.trim();
    if (url === this.#asked) return;
    this.stop();
    this.#asked = url;
    this.registration = null;
    if (/^https?:\/\/[^\s/]+/.test(url)) this.#timer = setTimeout(() => void this.#ask(url), PAUSE_MS);
  }

  /** Forgets what is on its way. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#asked = '';
  }

  async #ask(relay_url: string): Promise<void> {
    try {
      const { registration } = await ask({ type: 'relay', relay_url });
      if (this.#asked === relay_url) this.registration = registration;
    } catch {
      // Signing in says what is wrong.
    }
  }
}

/** ```text
 * nothing --typed--> looking --answered--> found | refused
 * ```
 * Typing leads back to `looking`, an empty field to `nothing`.
 */
export type InviteState =
  | { type: 'nothing' }
  | { type: 'looking' }
  | { type: 'found'; info: InviteInfoView }
  | { type: 'refused'; sentence: string };

/** What the invite is for whose link stands in a field. */
export class InviteLook {
  state = $state.raw<InviteState>({ type: 'nothing' });
  #asked = '';
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `whole`: nobody is signed in, so that a code without its address leads nowhere. */
  constructor(private readonly whole: boolean) {}

  look(text: string): void {
    const link = text.trim();
    if (link === this.#asked) return;
    this.stop();
    this.#asked = link;
    this.state = link === '' ? { type: 'nothing' } : { type: 'looking' };
    if (link !== '') this.#timer = setTimeout(() => void this.#ask(link), PAUSE_MS);
  }

  /** Forgets what is on its way. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#asked = '';
  }

  async #ask(link: string): Promise<void> {
    const state = await this.#answer(link);
    if (this.#asked === link) this.state = state;
  }

  async #answer(link: string): Promise<InviteState> {
    if (this.whole && !/^https?:\/\/[^\s/]+\/./.test(link)) return { type: 'refused', sentence: t('guest.whole_link') };
    try {
      return { type: 'found', info: await ask({ type: 'invite_info', link }) };
    } catch (thrown) {
      return { type: 'refused', sentence: inviteSentence(thrown as CommandError) };
    }
  }
}

/** Why an invite cannot be used, beside the field it stands in. */
export function inviteSentence(error: CommandError): string {
  if (error.code === 'not_found' || error.code === 'invalid_argument') return t('error.field.code');
  return error.code === 'conflict' ? t('join.full') : errorSentence(error);
}

/** `relay.example.org`, as a relay is named to people. */
export function hostOf(relayUrl: string): string {
  return relayUrl.replace(/^\w+:\/\//, '').replace(/\/$/, '');
}
