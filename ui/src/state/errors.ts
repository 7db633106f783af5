import { t, tOr } from '../i18n/i18n.svelte';
import type { CommandError } from '../generated/view';

/** A refusal in the person's language; the shell's English sentence where no better one is known. */
export function errorSentence(error: CommandError): string {
  if (error.code === 'rate_limited' && error.retry_after_s !== null) {
    return t('error.rate_limited_for', { count: error.retry_after_s });
  }
  if (error.code === 'invalid_argument' && error.field !== null) {
    return tOr(`error.field.${error.field}`, error.message);
  }
  return tOr(`error.${error.code}`, error.message);
}
