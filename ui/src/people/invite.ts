import type { InviteView } from '../generated/view';
import { t } from '../i18n/i18n.svelte';
import { ahead } from '../state/time.svelte';

/** How long an invite can be used, in seconds. */
export const LIVES = { hour: 3_600, day: 86_400, week: 604_800, never: null } as const;
export type Life = keyof typeof LIVES;

/** How many people can use it. */
export const USES = { once: 1, ten: 10, unlimited: null } as const;
export type Uses = keyof typeof USES;

export function isSpent(invite: InviteView, now: number): boolean {
  const usedUp = invite.max_uses !== null && invite.uses >= invite.max_uses;
  return usedUp || (invite.expires_at_ms !== null && invite.expires_at_ms <= now);
}

/** `Used 2 of 5 times, ends in 6 days`. */
export function inviteLine(invite: InviteView, now: number): string {
  const used =
    invite.max_uses === null
      ? invite.uses === 0
        ? t('invites.unused')
        : t('invites.used', { count: invite.uses })
      : t('invites.used_of', { uses: invite.uses, count: invite.max_uses });
  return `${used} · ${endOf(invite, now)}`;
}

function endOf(invite: InviteView, now: number): string {
  if (invite.max_uses !== null && invite.uses >= invite.max_uses) return t('invites.used_up');
  if (invite.expires_at_ms === null) return t('invites.endless');
  return invite.expires_at_ms <= now
    ? t('invites.ended')
    : t('invites.ends', { when: ahead(invite.expires_at_ms, now) });
}
