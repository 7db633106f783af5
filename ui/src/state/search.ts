/** Letters without case and accents, so that `jose` finds `José`. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').normalize('NFC').toLocaleLowerCase();
}

/** True when every word of `query` begins a word of `text`, or stands inside it where words are not spaced. */
export function matches(text: string, query: string): boolean {
  return rank(text, query) > 0;
}

/** How well `query` fits `text`: 0 not at all, 3 when the text begins with it, 2 when its words begin words, 1 inside. */
export function rank(text: string, query: string): number {
  const hay = fold(text);
  const words = fold(query).split(/\s+/).filter(Boolean);
  if (words.length === 0) return 1;
  if (hay.startsWith(words.join(' '))) return 3;
  const starts = hay.split(/[\s\-_.,/()]+/);
  if (words.every((word) => starts.some((start) => start.startsWith(word)))) return 2;
  return words.every((word) => hay.includes(word)) ? 1 : 0;
}
