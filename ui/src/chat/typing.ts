import { t } from '../i18n/i18n.svelte';

/** Who types, in one line. */
export function typingLine(names: readonly string[]): string {
  const [first = '', second = ''] = names.map((name) => name.split(' ')[0] ?? name);
  if (names.length === 1) return t('typing.one', { first });
  if (names.length === 2) return t('typing.two', { first, second });
  return t('typing.many');
}
