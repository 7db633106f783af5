import type { Emoji } from './catalogue';

const RECENT = 'parley.emoji.recent';
const TONE = 'parley.emoji.tone';
const AT_MOST = 24;
/** What the first reactions of most people are. */
const USUAL = ['👍', '❤️', '😂', '🎉', '👀', '🙏', '😮', '✅'];

/** What this person takes: the emoji of late, and a skin tone (0 is none, 1 the lightest). */
class Taste {
  recent = $state.raw<readonly string[]>(list(globalThis.localStorage?.getItem(RECENT)));
  tone = $state(toneOf(globalThis.localStorage?.getItem(TONE)));

  /** Of late, then what most people take first. */
  readonly first = $derived([...new Set([...this.recent, ...USUAL])].slice(0, AT_MOST));

  take(emoji: string): void {
    this.recent = [emoji, ...this.recent.filter((other) => other !== emoji)].slice(0, AT_MOST);
    globalThis.localStorage?.setItem(RECENT, this.recent.join(' '));
  }

  setTone(tone: number): void {
    this.tone = tone;
    globalThis.localStorage?.setItem(TONE, String(tone));
  }

  /** The emoji in the tone that was chosen. */
  of(emoji: Emoji): string {
    return emoji.tones[this.tone - 1] ?? emoji.emoji;
  }
}

function list(kept: string | null | undefined): string[] {
  return (kept ?? '')
    .split(' ')
    .filter((emoji) => emoji !== '' && emoji.length <= 40)
    .slice(0, AT_MOST);
}

function toneOf(kept: string | null | undefined): number {
  const tone = Number(kept ?? 0);
  return Number.isInteger(tone) && tone >= 0 && tone <= 5 ? tone : 0;
}

export const taste = new Taste();
