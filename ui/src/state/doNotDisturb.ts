import type { DoNotDisturb } from '../generated/view';
import { t } from '../i18n/i18n.svelte';
import { announcer } from './announcer.svelte';
import { act } from './session.svelte';
import { dayName, dayOf, timeOfDay } from './time.svelte';

const HOUR_MS = 3_600_000;
/** When a night is over. */
const MORNING_HOUR = 8;
/** Whoever is up before this hour means the morning that comes, and not the one after. */
const NIGHT_ENDS_HOUR = 5;

/** The morning until which a night's rest lasts. */
export function morningAfter(now: number): number {
  const at = new Date(now);
  if (at.getHours() >= NIGHT_ENDS_HOUR) at.setDate(at.getDate() + 1);
  return at.setHours(MORNING_HOUR, 0, 0, 0);
}

export const hourFrom = (now: number): number => now + HOUR_MS;

export function isQuiet(setting: DoNotDisturb, now: number): boolean {
  return setting.type === 'on' || (setting.type === 'until' && setting.at_ms > now);
}

/** `14:05`, `tomorrow, 08:00` or a day and a time. */
export function whenOver(at_ms: number, now: number): string {
  const days = Math.round((dayOf(at_ms) - dayOf(now)) / 86_400_000);
  const time = timeOfDay(at_ms);
  if (days <= 0) return time;
  return days === 1 ? t('dnd.tomorrow_at', { time }) : `${dayName(at_ms, now)}, ${time}`;
}

/** `Do not disturb until 14:05`; empty while it is off. */
export function quietLine(setting: DoNotDisturb, now: number): string {
  if (!isQuiet(setting, now)) return '';
  return setting.type === 'until' ? t('dnd.until', { when: whenOver(setting.at_ms, now) }) : t('dnd.on');
}

export async function setQuiet(do_not_disturb: DoNotDisturb): Promise<boolean> {
  const done = await act({ type: 'set_do_not_disturb', do_not_disturb });
  if (done) announcer.say(quietLine(do_not_disturb, Date.now()) || t('dnd.is_off'));
  return done;
}
