import type { PersonItem } from '../generated/view';
import { t } from '../i18n/i18n.svelte';
import { ago, clock } from '../state/time.svelte';

/** `Online`, `In a call`, or when someone was last here. */
export function presenceLine(person: PersonItem): string {
  if (person.bot) return t('presence.bot');
  if (person.presence === 'offline' && person.last_seen_at_ms !== null) {
    return t('presence.last_seen', { when: ago(person.last_seen_at_ms, clock.now) });
  }
  return t(`presence.${person.presence}`);
}
