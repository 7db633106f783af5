/** The filters of a search, in the order in which they are offered. The syntax is that of `shared/src/search.rs`. */
export const FILTERS = ['from', 'in', 'has', 'before', 'after', 'on'] as const;
export type Filter = (typeof FILTERS)[number];
export const KINDS = ['image', 'file', 'link'] as const;
export type Kind = (typeof KINDS)[number];

/** One piece of what was typed: `filter:value`, `filter:"value"`, `value` or `"value"`, from `start` to `end` of the text. */
export interface Term {
  start: number;
  end: number;
  /** What stands before the colon, whether it is a filter or not. */
  name: string | null;
  value: string;
  quoted: boolean;
}

const QUOTES = /["\u201c\u201d\u201e\u201f]/;

export function termsOf(text: string): Term[] {
  const terms: Term[] = [];
  let at = skipSpace(text, 0);
  while (at < text.length) {
    const start = at;
    const name = /^([A-Za-z]+):/.exec(text.slice(at))?.[1] ?? null;
    if (name !== null) at += name.length + 1;
    const quoted = QUOTES.test(text[at] ?? '');
    let value: string;
    if (quoted) {
      const length = text.slice(at + 1).search(QUOTES);
      // An open quote is one that is still being typed.
      value = length < 0 ? text.slice(at + 1) : text.slice(at + 1, at + 1 + length);
      at = length < 0 ? text.length : at + length + 2;
    } else {
      const length = text.slice(at).search(/\s/);
      value = length < 0 ? text.slice(at) : text.slice(at, at + length);
      at += value.length;
    }
    terms.push({ start, end: at, name: name?.toLowerCase() ?? null, value: value.trim(), quoted });
    at = skipSpace(text, at);
  }
  return terms;
}

function skipSpace(text: string, at: number): number {
  return at + /^\s*/.exec(text.slice(at))![0].length;
}

/** The filter that a term is, or null for one that is searched for as it stands. */
export function filterOf(term: Term): Filter | null {
  if (term.value === '') return null;
  switch (term.name) {
    case 'from':
    case 'in':
      return term.name;
    case 'has':
      return (KINDS as readonly string[]).includes(term.value.toLowerCase()) ? 'has' : null;
    case 'before':
    case 'after':
    case 'on':
      return dayFrom(term.value) === null ? null : term.name;
    default:
      return null;
  }
}

/** A term that has the look of a filter and whose value is none: `before:tomorrow`. */
export function isMistaken(term: Term): boolean {
  return term.value !== '' && /^(has|before|after|on)$/.test(term.name ?? '') && filterOf(term) === null;
}

/** Midnight that begins `2026-01-31` in the person's zone, or null for what is no day. */
export function dayFrom(text: string): number | null {
  const match = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text);
  if (!match) return null;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const date = new Date(year, month - 1, day);
  return year >= 1970 && date.getMonth() === month - 1 && date.getDate() === day ? date.getTime() : null;
}

/** `2026-01-31` of a moment. */
export function dayText(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `filter:value`, in quotes where the value needs them. */
export function written(filter: Filter, value: string): string {
  const plain = value.replace(new RegExp(QUOTES, 'g'), '').trim();
  return /\s/.test(plain) ? `${filter}:"${plain}"` : `${filter}:${plain}`;
}

/** The text with a term taken out, or another piece in its place. */
export function replaceTerm(text: string, term: Pick<Term, 'start' | 'end'>, piece: string): string {
  const [before, after] = [text.slice(0, term.start).trimEnd(), text.slice(term.end).trimStart()];
  return [before, piece, after].filter((part) => part !== '').join(' ');
}

/** The term in which the caret stands, with what was typed of its value. */
export function termAt(text: string, caret: number): Term | null {
  return termsOf(text).find((term) => term.start < caret && caret <= term.end) ?? null;
}

/** True when it asks for something. */
export function asks(text: string): boolean {
  return termsOf(text).some((term) => term.value !== '');
}
