import type { CompactEmoji } from 'emojibase';
import { fold } from '../state/search';

/** One emoji with its name in the person's language. */
export interface Emoji {
  emoji: string;
  label: string;
  /** Folded words that find it: the name's, those of its tags, and its short codes. */
  words: readonly string[];
  /** With each skin tone, from light to dark; empty where there is none. */
  tones: readonly string[];
  /** What is written between colons. */
  code: string;
}

/** The groups in the order of Unicode; people come with their skin and hair. */
export const GROUPS = [
  'smileys',
  'people',
  'component',
  'nature',
  'food',
  'travel',
  'activities',
  'objects',
  'symbols',
  'flags',
] as const;
export type GroupKey = Exclude<(typeof GROUPS)[number], 'component'>;

export interface Group {
  key: GroupKey;
  emoji: Emoji[];
}

export interface Catalogue {
  groups: Group[];
  all: Emoji[];
}

/** What is loaded when a picker opens: half a megabyte for a language. */
const LANGUAGES: Record<string, () => Promise<{ default: CompactEmoji[] }>> = {
  en: () => import('emojibase-data/en/compact.json'),
  de: () => import('emojibase-data/de/compact.json'),
  ko: () => import('emojibase-data/ko/compact.json'),
};
/** From light to dark. */
const TONES = 5;
const loaded = new Map<string, Promise<Catalogue>>();

/** Every emoji, in the language with this tag, or in English. */
export function catalogueIn(tag: string): Promise<Catalogue> {
  const language = tag in LANGUAGES ? tag : 'en';
  let catalogue = loaded.get(language);
  if (catalogue === undefined) {
    catalogue = load(language);
    catalogue.catch(() => loaded.delete(language));
    loaded.set(language, catalogue);
  }
  return catalogue;
}

async function load(language: string): Promise<Catalogue> {
  const [list, codes] = await Promise.all([LANGUAGES[language]!(), import('emojibase-data/en/shortcodes/github.json')]);
  const sorted = [...list.default].sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  const groups = GROUPS.flatMap((key, index): Group[] =>
    key === 'component'
      ? []
      : [
          {
            key,
            emoji: sorted
              .filter((item) => item.group === index)
              .map((item) => emojiOf(item, codes.default[item.hexcode])),
          },
        ],
  );
  return { groups, all: groups.flatMap((group) => group.emoji) };
}

function emojiOf(item: CompactEmoji, codes: string | string[] | undefined): Emoji {
  const known = codes === undefined ? [] : [codes].flat();
  const code = known[0] ?? fold(item.label).replace(/[^\p{L}\p{N}]+/gu, '_');
  const words = [item.label, ...(item.tags ?? []), ...known].flatMap((text) => fold(text).split(/[\s_:,()-]+/));
  const tones = (item.skins ?? []).map((skin) => skin.unicode).slice(0, TONES);
  return {
    emoji: item.unicode,
    label: item.label,
    words: [...new Set([...known, ...words].filter(Boolean))],
    tones: tones.length === TONES ? tones : [],
    code,
  };
}

/** At most `most` emoji whose words begin with each word of `query`: the one of that short code, those whose code begins so, whole words, then the others. */
export function findEmoji(catalogue: Catalogue, query: string, most: number): Emoji[] {
  const asked = fold(query)
    .split(/[\s:]+/)
    .filter(Boolean);
  if (asked.length === 0) return [];
  const code = asked.join('_');
  const named: Emoji[] = [];
  const coded: Emoji[] = [];
  const whole: Emoji[] = [];
  const begun: Emoji[] = [];
  for (const emoji of catalogue.all) {
    if (!asked.every((word) => emoji.words.some((other) => other.startsWith(word)))) continue;
    if (emoji.code === code) named.push(emoji);
    else if (emoji.code.startsWith(code)) coded.push(emoji);
    else (asked.every((word) => emoji.words.includes(word)) ? whole : begun).push(emoji);
  }
  return [...named, ...coded, ...whole, ...begun].slice(0, most);
}
