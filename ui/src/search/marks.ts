import { fold } from '../state/search';

/** A stretch of a text, and whether it is what was searched for. */
export interface Stretch {
  text: string;
  marked: boolean;
}

interface Word {
  start: number;
  end: number;
  folded: string;
}

const WORD = /[\p{L}\p{N}\p{M}]+/gu;

function wordsOf(text: string): Word[] {
  return [...text.matchAll(WORD)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    folded: fold(match[0]),
  }));
}

/** Where `words` (by their beginning) and `phrases` (word for word) stand in a text, ascending and apart. */
export function rangesOf(text: string, words: readonly string[], phrases: readonly string[]): [number, number][] {
  const here = wordsOf(text);
  const wanted = [
    ...words.map((word) => ({ parts: wordsOf(word), open: true })),
    ...phrases.map((phrase) => ({ parts: wordsOf(phrase), open: false })),
  ].filter(({ parts }) => parts.length > 0);
  const found: [number, number][] = [];
  for (let at = 0; at < here.length; at++) {
    for (const { parts, open } of wanted) {
      const fits = parts.every((part, index) => {
        const word = here[at + index]?.folded;
        const last = index === parts.length - 1;
        return last && open ? word?.startsWith(part.folded) : word === part.folded;
      });
      if (!fits) continue;
      const last = here[at + parts.length - 1]!;
      found.push([here[at]!.start, open ? prefixEnd(text, last, parts.at(-1)!.folded.length) : last.end]);
    }
  }
  return merged(found);
}

/** Where the first `length` folded characters of a word end: folding may make a character longer or shorter. */
function prefixEnd(text: string, word: Word, length: number): number {
  for (let end = word.start + 1; end < word.end; end++) {
    const next = text.slice(end).match(/^\p{M}/u);
    if (next === null && fold(text.slice(word.start, end)).length >= length) return end;
  }
  return word.end;
}

function merged(ranges: [number, number][]): [number, number][] {
  const sorted = ranges.sort((a, b) => a[0] - b[0]);
  const apart: [number, number][] = [];
  for (const [start, end] of sorted) {
    const last = apart.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else apart.push([start, end]);
  }
  return apart;
}

/** Characters before the first mark that a snippet shows. */
const LEAD = 32;
const LENGTH = 220;

/** The part of a text around its first mark, cut into stretches. */
export function snippet(text: string, words: readonly string[], phrases: readonly string[]): Stretch[] {
  const ranges = rangesOf(text, words, phrases);
  const from = startOfSnippet(text, ranges[0]?.[0] ?? 0);
  const to = Math.min(text.length, from + LENGTH);
  const stretches: Stretch[] = from > 0 ? [{ text: '…', marked: false }] : [];
  let at = from;
  for (const [start, end] of ranges) {
    if (start >= to) break;
    if (start > at) stretches.push({ text: text.slice(at, start), marked: false });
    stretches.push({ text: text.slice(start, end), marked: true });
    at = end;
  }
  if (at < to) stretches.push({ text: text.slice(at, to), marked: false });
  if (to < text.length) stretches.push({ text: '…', marked: false });
  return stretches;
}

function startOfSnippet(text: string, mark: number): number {
  if (mark <= 2 * LEAD) return 0;
  const space = text.indexOf(' ', mark - LEAD);
  return space >= 0 && space < mark ? space + 1 : mark;
}
