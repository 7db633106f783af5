import type { PersonItem, RoomItem } from '../generated/view';
import { rank } from '../state/search';
import { dayText, FILTERS, KINDS, termAt, written, type Filter, type Kind } from './terms';

/** What a half-typed filter can become. */
export type Suggestion = { key: string; piece: string } & (
  | { kind: 'filter'; filter: Filter }
  | { kind: 'me' }
  | { kind: 'person'; person: PersonItem }
  | { kind: 'room'; room: RoomItem }
  | { kind: 'has'; has: Kind }
  | { kind: 'day'; filter: Filter; day: 'today' | 'yesterday' | 'week' | 'month' | 'year'; at_ms: number }
);

interface Known {
  people: readonly PersonItem[];
  rooms: readonly RoomItem[];
  now: number;
}

const AT_MOST = 6;
const DAY_MS = 86_400_000;

/** What the term at the caret can become, best first; nothing where a plain word is typed. */
export function suggestions(text: string, caret: number, known: Known): Suggestion[] {
  const term = termAt(text, caret);
  if (term === null || (term.quoted === false && term.end !== caret)) return [];
  if (term.name === null) return term.quoted ? [] : filtersBeginning(term.value);
  const of = (label: string) => rank(label, term.value);
  switch (term.name) {
    case 'from': {
      const me: Suggestion[] = term.value === '' ? [{ key: 'me', piece: 'from:me', kind: 'me' }] : [];
      return [...me, ...people(known.people, of)].slice(0, AT_MOST);
    }
    case 'in':
      return ranked(known.rooms, (room) => of(room.title))
        .map((room): Suggestion => ({ key: room.id, piece: written('in', room.title), kind: 'room', room }))
        .filter(({ piece }) => piece !== text.slice(term.start, term.end));
    case 'has':
      return KINDS.filter((has) => has.startsWith(term.value.toLowerCase()) && has !== term.value).map((has) => ({
        key: has,
        piece: `has:${has}`,
        kind: 'has',
        has,
      }));
    case 'before':
    case 'after':
    case 'on':
      return days(term.name, term.value, known.now);
    default:
      return [];
  }

  function people(list: readonly PersonItem[], score: (label: string) => number): Suggestion[] {
    return ranked(
      list.filter((person) => !person.bot),
      (person) => score(person.display_name),
    )
      .map((person): Suggestion => ({
        key: person.id,
        piece: written('from', person.display_name),
        kind: 'person',
        person,
      }))
      .filter(({ piece }) => piece !== text.slice(term!.start, term!.end));
  }
}

function filtersBeginning(word: string): Suggestion[] {
  if (word.length < 2) return [];
  return FILTERS.filter((filter) => filter.startsWith(word.toLowerCase())).map((filter) => ({
    key: filter,
    piece: `${filter}:`,
    kind: 'filter',
    filter,
  }));
}

function days(filter: Filter, typed: string, now: number): Suggestion[] {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  const back = (count: number) => new Date(midnight - count * DAY_MS + DAY_MS / 2).setHours(0, 0, 0, 0);
  const year = new Date(now).getFullYear();
  const all = [
    ['today', midnight],
    ['yesterday', back(1)],
    ['week', back(7)],
    ['month', back(30)],
    ['year', new Date(year, 0, 1).getTime()],
  ] as const;
  return all
    .map(([day, at_ms]): Suggestion => ({
      key: day,
      piece: `${filter}:${dayText(at_ms)}`,
      kind: 'day',
      filter,
      day,
      at_ms,
    }))
    .filter(({ piece }) => piece.startsWith(`${filter}:${typed}`) && piece !== `${filter}:${typed}`);
}

function ranked<T>(items: readonly T[], score: (item: T) => number): T[] {
  return items
    .map((item, order) => ({ item, order, score: score(item) }))
    .filter((entry) => entry.score > 0)
    .sort((a, b) => b.score - a.score || a.order - b.order)
    .slice(0, AT_MOST)
    .map(({ item }) => item);
}
