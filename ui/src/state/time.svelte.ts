import { language, t } from '../i18n/i18n.svelte';

const DAY_MS = 86_400_000;

/** The clock that is drawn: a second's beat for calls, whose reading redraws whoever looks. */
class Clock {
  now = $state(Date.now());

  /** Beats until the returned function is called. */
  start(): () => void {
    const timer = setInterval(() => (this.now = Date.now()), 1_000);
    return () => clearInterval(timer);
  }
}

export const clock = new Clock();

const formats = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = language() + JSON.stringify(options);
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.DateTimeFormat(language(), options)));
  return found;
}

/** `14:05`, as the language writes it. */
export function timeOfDay(ms: number): string {
  return format({ hour: 'numeric', minute: '2-digit' }).format(ms);
}

export function fullTime(ms: number): string {
  return format({ dateStyle: 'full', timeStyle: 'short' }).format(ms);
}

/** `31 January 2026`. */
export function dayDate(ms: number): string {
  return format({ dateStyle: 'long' }).format(ms);
}

/** `31 Jan 2026`. */
export function dayShort(ms: number): string {
  return format({ dateStyle: 'medium' }).format(ms);
}

/** Midnight that began the day of `ms`, in the person's zone. */
export function dayOf(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

/** `Today`, `Yesterday`, `Tuesday`, or the date. */
export function dayName(ms: number, now: number): string {
  const days = Math.round((dayOf(now) - dayOf(ms)) / DAY_MS);
  if (days === 0) return t('room.today');
  if (days === 1) return t('room.yesterday');
  if (days > 1 && days < 7) return format({ weekday: 'long' }).format(ms);
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  return format({ day: 'numeric', month: 'long', ...(sameYear ? {} : { year: 'numeric' }) }).format(ms);
}

/** As short as a list wants it: the time today, the weekday this week, else the date. */
export function shortWhen(ms: number, now: number): string {
  const days = Math.round((dayOf(now) - dayOf(ms)) / DAY_MS);
  if (days <= 0) return timeOfDay(ms);
  if (days < 7) return format({ weekday: 'short' }).format(ms);
  return format({ day: 'numeric', month: 'numeric' }).format(ms);
}

/** `5 minutes ago`. */
export function ago(ms: number, now: number): string {
  const relative = new Intl.RelativeTimeFormat(language(), { numeric: 'auto' });
  const minutes = Math.round((now - ms) / 60_000);
  if (minutes < 60) return relative.format(-Math.max(1, minutes), 'minute');
  if (minutes < 24 * 60) return relative.format(-Math.round(minutes / 60), 'hour');
  return relative.format(-Math.round(minutes / 1440), 'day');
}

/** `in 5 minutes`. */
export function ahead(ms: number, now: number): string {
  const relative = new Intl.RelativeTimeFormat(language(), { numeric: 'always' });
  const minutes = Math.max(1, Math.round((ms - now) / 60_000));
  if (minutes < 60) return relative.format(minutes, 'minute');
  if (minutes < 48 * 60) return relative.format(Math.round(minutes / 60), 'hour');
  return relative.format(Math.round(minutes / 1440), 'day');
}

/** `3:07` or `1:02:09`. */
export function stopwatch(totalSeconds: number): string {
  const seconds = Math.max(0, Math.floor(totalSeconds));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
