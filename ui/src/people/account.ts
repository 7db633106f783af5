import { DISPLAY_NAME_CHARS_MAX, DISPLAY_NAME_CHARS_MIN } from '../generated/limits';
import { t } from '../i18n/i18n.svelte';

export type AccountField = 'display_name' | 'email' | 'password' | 'relay_url' | 'passphrase' | 'registration_code';

export interface AccountForm {
  isNew: boolean;
  relay: string;
  name: string;
  email: string;
  password: string;
  /** Null where none is asked for. */
  passphrase: string | null;
  /** The invite that a relay asks for; null where it asks for none. */
  code: string | null;
}

/** What can be seen to be wrong before the relay is asked; the limits are those of `shared/src/limits.rs`. */
export function checkAccount(form: AccountForm): Partial<Record<AccountField, string>> {
  const errors: Partial<Record<AccountField, string>> = {};
  if (form.isNew && !isName(form.name)) errors.display_name = t('error.field.display_name');
  if (!/^[^\s@]+@[^\s@]+$/.test(form.email.trim()) || form.email.length > 254) errors.email = t('error.field.email');
  if (!isPassword(form.password, form.isNew ? 8 : 1)) errors.password = t('error.field.password');
  if (!/^https?:\/\/[^\s/]+/.test(form.relay.trim())) errors.relay_url = t('error.field.relay_url');
  if (form.passphrase !== null && [...form.passphrase].length < 8) errors.passphrase = t('error.field.passphrase');
  if (form.code?.trim() === '') errors.registration_code = t('error.field.registration_code');
  return errors;
}

/** What can be seen to be wrong in the change of a password. */
export function checkPasswords(old: string, next: string): Partial<Record<'old_password' | 'new_password', string>> {
  const errors: Partial<Record<'old_password' | 'new_password', string>> = {};
  if (old === '') errors.old_password = t('password.old_missing');
  if (!isPassword(next, 8)) errors.new_password = t('error.field.password');
  else if (next === old) errors.new_password = t('password.same');
  return errors;
}

export function isName(name: string): boolean {
  const length = [...name.trim()].length;
  return length >= DISPLAY_NAME_CHARS_MIN && length <= DISPLAY_NAME_CHARS_MAX;
}

function isPassword(password: string, least: number): boolean {
  const length = [...password].length;
  return length >= least && length <= 128;
}
