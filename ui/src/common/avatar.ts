/** Hues that keep white initials readable, far enough apart to tell people by them. */
const HUES = [174, 205, 232, 262, 292, 328, 352, 18, 36, 142];

/** The stable hue of an id, in degrees. */
export function hueOf(id: string): number {
  let hash = 2166136261;
  for (const char of id) hash = Math.imul(hash ^ char.codePointAt(0)!, 16777619);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return HUES[((hash ^ (hash >>> 13)) >>> 0) % HUES.length]!;
}

/** One or two letters: first and last word, or the first letter alone where words are not spaced. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/\s+/)
    .filter((word) => /[\p{L}\p{N}]/u.test(word));
  const first = firstLetter(words[0]);
  const last = words.length > 1 ? firstLetter(words.at(-1)) : '';
  return (first + last).toLocaleUpperCase() || '?';
}

function firstLetter(word: string | undefined): string {
  return word === undefined ? '' : (/[\p{L}\p{N}]/u.exec(word)?.[0] ?? '');
}
