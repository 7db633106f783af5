import type { MediaStats, ParticipantStats, QualityCause } from '../generated/view';
import { language, t } from '../i18n/i18n.svelte';

/** A number with so many places, as the language writes it. */
export function number(value: number, places = 0): string {
  return new Intl.NumberFormat(language(), { minimumFractionDigits: places, maximumFractionDigits: places }).format(
    value,
  );
}

export const milliseconds = (value: number) => `${number(value)} ms`;
export const percent = (value: number) => `${number(value, value < 10 && !Number.isInteger(value) ? 1 : 0)} %`;
export const perSecond = (value: number) => number(value);
export const kilobits = (value: number) =>
  value >= 1_000 ? `${number(value / 1_000, value % 1_000 === 0 ? 0 : 1)} Mbit/s` : `${number(value)} kbit/s`;

const NOTHING = '–';
const some = (value: number | null, format: (value: number) => string) =>
  value === null || value === 0 ? NOTHING : format(value);

export interface Row {
  label: string;
  sent: string;
  received: string;
}

/** The table of a person's present values: what is sent beside what is received. */
export function rowsOf({ sent, received }: ParticipantStats): Row[] {
  const both = (label: string, of: (media: MediaStats) => string): Row => ({
    label,
    sent: of(sent),
    received: of(received),
  });
  return [
    both(t('stats.picture'), pictureOf),
    both(t('stats.rate'), (media) => kilobits(media.video_kbps)),
    both(t('stats.audio'), (media) => kilobits(media.audio_kbps)),
    both(t('stats.loss'), (media) => percent(media.loss_pct)),
    both(t('stats.codec'), (media) => [media.video_codec, media.audio_codec].filter(Boolean).join(', ') || NOTHING),
    { label: t('stats.jitter'), sent: NOTHING, received: some(received.jitter_ms, milliseconds) },
    { label: t('stats.delay'), sent: NOTHING, received: some(received.audio_delay_ms, milliseconds) },
    { label: t('stats.concealed'), sent: NOTHING, received: percent(received.concealed_pct) },
    { label: t('stats.freezes'), sent: NOTHING, received: freezesOf(received) },
  ];
}

/** What belongs to the connection as a whole. */
export function connectionOf(person: ParticipantStats): { label: string; value: string }[] {
  return [
    { label: t('stats.rtt'), value: person.rtt_ms === null ? NOTHING : milliseconds(person.rtt_ms) },
    { label: t('stats.capacity'), value: some(person.estimate_kbps, kilobits) },
    { label: t('stats.queue'), value: milliseconds(person.pacer_queue_ms) },
    { label: t('stats.skew'), value: person.av_skew_ms === null ? NOTHING : milliseconds(person.av_skew_ms) },
    { label: t('stats.route'), value: person.route || NOTHING },
  ];
}

export function pictureOf(media: MediaStats): string {
  return media.width > 0 ? `${media.width} × ${media.height} · ${Math.round(media.fps)} fps` : t('stats.no_picture');
}

export function freezesOf({ freezes, freeze_ms }: { freezes: number; freeze_ms: number }): string {
  return freezes === 0 ? '0' : t('stats.freezes_value', { count: freezes, seconds: number(freeze_ms / 1_000, 1) });
}

/** What is to blame, in plain words. */
export function causeSentence(cause: QualityCause, name: string): string {
  return t(`quality.${cause}`, { name });
}
