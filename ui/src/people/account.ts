import { t } from '../i18n/i18n.svelte';

export type AccountField = 'display_name' | 'email' | 'password' | 'relay_url' | 'passphrase';

export interface AccountForm {
  isNew: boolean;
  relay: string;
  name: string;
  email: string;
  password: string;
  /** Null where none is asked for. */
  passphrase: string | null;
}

/** What can be seen to be wrong before the relay is asked; the limits are those of `shared/src/limits.rs`. */
export function checkAccount(form: AccountForm): Partial<Record<AccountField, string>> {
  const errors: Partial<Record<AccountField, string>> = {};
  const name = [...form.name.trim()].length;
  const password = [...form.password].length;
  if (form.isNew && (name < 2 || name > 64)) errors.display_name = t('error.field.display_name');
  if (!/^[^\s@]+@[^\s@]+$/.test(form.email.trim()) || form.email.length > 254) errors.email = t('error.field.email');
  if (password < (form.isNew ? 8 : 1) || password > 128) errors.password = t('error.field.password');
  if (!/^https?:\/\/[^\s/]+/.test(form.relay.trim())) errors.relay_url = t('error.field.relay_url');
  if (form.passphrase !== null && [...form.passphrase].length < 8) errors.passphrase = t('error.field.passphrase');
  return errors;
}
