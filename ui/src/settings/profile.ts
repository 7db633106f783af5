import { BIO_CHARS, DISPLAY_NAME_CHARS_MAX, DISPLAY_NAME_CHARS_MIN, STATUS_CHARS } from '../generated/limits';
import { t } from '../i18n/i18n.svelte';

/** The most characters of each. */
export const PROFILE_LIMITS = {
  display_name: DISPLAY_NAME_CHARS_MAX,
  status_text: STATUS_CHARS,
  bio: BIO_CHARS,
} as const;
export type ProfileField = keyof typeof PROFILE_LIMITS;

/** What can be seen to be wrong before the relay is asked. */
export function checkProfile(form: Record<ProfileField, string>): Partial<Record<ProfileField, string>> {
  const length = (text: string) => [...text].length;
  const errors: Partial<Record<ProfileField, string>> = {};
  if (length(form.display_name) < DISPLAY_NAME_CHARS_MIN || length(form.display_name) > PROFILE_LIMITS.display_name)
    errors.display_name = t('error.field.display_name');
  if (length(form.status_text) > PROFILE_LIMITS.status_text) errors.status_text = t('error.field.status_text');
  if (length(form.bio) > PROFILE_LIMITS.bio) errors.bio = t('error.field.bio');
  return errors;
}
