import i18next from 'i18next';
import de from './de.json';
import en from './en.json';
import ko from './ko.json';

type Leaves<T, P extends string = ''> = {
  [K in keyof T & string]: T[K] extends string ? `${P}${K}` : Leaves<T[K], `${P}${K}.`>;
}[keyof T & string];
type Singular<K extends string> = K extends `${infer Stem}_one` | `${infer Stem}_other` ? Stem : K;

/** A sentence of the catalogue; plural forms go by their stem. */
export type Key = Singular<Leaves<typeof en>>;

export const LANGUAGES = [
  { tag: 'en', name: 'English' },
  { tag: 'de', name: 'Deutsch' },
  { tag: 'ko', name: '한국어' },
] as const;

const i18n = i18next.createInstance();
void i18n.init({
  lng: 'en',
  fallbackLng: 'en',
  initAsync: false,
  resources: { en: { translation: en }, de: { translation: de }, ko: { translation: ko } },
  interpolation: { escapeValue: false },
});

let current = $state('en');
/** Sentences with the places for their values, by their language: a list asks for the same ones over and over. */
const known = new Map<string, Map<Key, string>>(LANGUAGES.map(({ tag }) => [tag, new Map()]));
const PLACE = /{{(\w+)}}/g;

/** The sentence for `key`; redrawn when the language changes. A `count` chooses the plural form. */
export function t(key: Key, values?: Record<string, string | number>): string {
  if (values?.count !== undefined) return i18n.t(key, { ...values, lng: current });
  const sentences = known.get(current)!;
  let sentence = sentences.get(key);
  if (sentence === undefined) sentences.set(key, (sentence = i18n.t(key, { lng: current, skipInterpolation: true })));
  return values === undefined ? sentence : sentence.replace(PLACE, (_, name: string) => String(values[name] ?? ''));
}

/** The sentence for a key made of a stable word from the shell, or `fallback` when the word is unknown. */
export function tOr(key: string, fallback: string, values: Record<string, string | number> = {}): string {
  const language = current;
  return i18n.exists(key, { lng: language }) ? i18n.t(key, { ...values, lng: language }) : fallback;
}

/** The tag in use, for dates and numbers. */
export function language(): string {
  return current;
}

/** Takes a BCP 47 tag or `system`; falls back to English for a language without a catalogue. */
export function setLanguage(wanted: string): void {
  const tag = wanted === 'system' ? (globalThis.navigator?.language ?? 'en') : wanted;
  const base = tag.split('-')[0]!.toLowerCase();
  current = LANGUAGES.some((known) => known.tag === base) ? base : 'en';
  if (globalThis.document) {
    document.documentElement.lang = current;
    document.documentElement.dir =
      new URLSearchParams(location.search).get('dir') === 'rtl' ? 'rtl' : i18n.dir(current);
  }
}
