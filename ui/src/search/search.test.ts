import { beforeEach, afterEach, describe, expect, it, vi } from 'vitest';
import type { MessageView, SearchHit, SearchResults, SearchSource } from '../generated/view';
import { suggestions } from './complete';
import { Finder } from './finder.svelte';
import { rangesOf, snippet } from './marks';
import { horizon, mergeHits } from './merge';
import { dayFrom, dayText, filterOf, isMistaken, replaceTerm, termsOf, written } from './terms';

function hit(id: string, at: number, room = 'r'): SearchHit {
  const message = { client_id: `c-${id}`, id, seq: at, sent_at_ms: at } as MessageView;
  return { room_id: room, room_title: room, message };
}
const results = (hits: SearchHit[], next: string | null = null): SearchResults => ({
  hits,
  next,
  words: ['a'],
  phrases: [],
});

describe('the syntax', () => {
  it('knows every kind of term and where it stands', () => {
    const text = 'budget from:mara in:"Product team" has:image "exact words" before:2026-01-01';
    const terms = termsOf(text);
    expect(terms.map((term) => [filterOf(term), term.value])).toEqual([
      [null, 'budget'],
      ['from', 'mara'],
      ['in', 'Product team'],
      ['has', 'image'],
      [null, 'exact words'],
      ['before', '2026-01-01'],
    ]);
    expect(terms.map((term) => text.slice(term.start, term.end)).join(' ')).toBe(text);
  });

  it('takes what is no filter as a word, and says which was meant as one', () => {
    const terms = termsOf('http://a.example has:wings before:tomorrow on:2026-02-30 10:30 from: hi');
    expect(terms.every((term) => filterOf(term) === null)).toBe(true);
    expect(terms.filter(isMistaken).map((term) => term.name)).toEqual(['has', 'before', 'on']);
  });

  it('goes on with a quote that is open, whatever its kind', () => {
    expect(termsOf('"exact wo')[0]).toMatchObject({ value: 'exact wo', quoted: true });
    expect(termsOf('„genau so“ x').map((term) => term.value)).toEqual(['genau so', 'x']);
  });

  it('reads and writes days in the zone of the person', () => {
    expect(dayText(dayFrom('2026-03-09')!)).toBe('2026-03-09');
    expect(dayFrom('2026-02-30')).toBe(null);
    expect(written('in', 'Product "best" team')).toBe('in:"Product best team"');
    expect(replaceTerm('a from:b c', termsOf('a from:b c')[1]!, '')).toBe('a c');
  });
});

describe('marks', () => {
  it('stand on beginnings of words without case and accents, and on whole phrases', () => {
    const marked = (text: string, words: string[], phrases: string[] = []) =>
      rangesOf(text, words, phrases).map(([start, end]) => text.slice(start, end));
    expect(marked('Lucía planned the PLAN, unplanned', ['plan', 'luci'])).toEqual(['Lucí', 'plan', 'PLAN']);
    expect(marked('the floor plan and the floor planner', [], ['floor plan'])).toEqual(['floor plan']);
    expect(marked('https://harbour.example/x', ['harb'])).toEqual(['harb']);
    expect(marked('크레인은 제가', ['크레'])).toEqual(['크레']);
  });

  it('are in the part of a long text that is shown', () => {
    const parts = snippet(`${'word '.repeat(200)}needle ${'word '.repeat(200)}`, ['needle'], []);
    expect(parts[0]).toEqual({ text: '…', marked: false });
    expect(parts.find((part) => part.marked)?.text).toBe('needle');
    expect(parts.map((part) => part.text).join('').length).toBeLessThan(240);
  });

  it('never lose a character of a short text', () => {
    const text = 'Straße, strasse und e\u0301tude';
    expect(
      snippet(text, ['stras', 'et'], ['und'])
        .map((part) => part.text)
        .join(''),
    ).toBe(text);
  });
});

describe('both sources', () => {
  it('give each message once, newest first, in the word of the relay', () => {
    const edited = { ...hit('b', 2), room_title: 'renamed' };
    const merged = mergeHits(
      { hits: [hit('c', 3), hit('b', 2)], next: null },
      { hits: [edited, hit('a', 1)], next: null },
    );
    expect(merged.map((found) => found.message.id)).toEqual(['c', 'b', 'a']);
    expect(merged[1]!.room_title).toBe('renamed');
  });

  it('are asked on where their pages end first', () => {
    const at = horizon({ hits: [hit('c', 3)], next: 'd' }, { hits: [hit('b', 9)], next: 'r' });
    expect(at).toEqual({ at_ms: 9, device: false, relay: true });
    expect(horizon({ hits: [], next: null }, { hits: [], next: null })).toBe(null);
  });
});

describe('Finder', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function world(online = true) {
    const asked: [SearchSource, string, string | null][] = [];
    const answers = new Map<SearchSource, (answer: SearchResults | Error) => void>();
    const finder = new Finder(
      (source, query, _, before) => {
        asked.push([source, query, before]);
        return new Promise((resolve, reject) =>
          answers.set(source, (answer) => (answer instanceof Error ? reject(answer) : resolve(answer))),
        );
      },
      () => online,
    );
    const answer = async (source: SearchSource, what: SearchResults | Error) => {
      answers.get(source)!(what);
      await vi.advanceTimersByTimeAsync(0);
    };
    return { finder, asked, answer };
  }

  it('asks both once the typing rests', async () => {
    const { finder, asked } = world();
    finder.type('h');
    await vi.advanceTimersByTimeAsync(60);
    finder.type('ha');
    await vi.advanceTimersByTimeAsync(130);
    expect(asked).toEqual([
      ['device', 'ha', null],
      ['relay', 'ha', null],
    ]);
  });

  it('shows the device at once, and fills in what the relay has', async () => {
    const { finder, answer } = world();
    finder.type('a');
    await vi.advanceTimersByTimeAsync(130);
    await answer('device', results([hit('b', 2)]));
    expect(finder.hits.map((found) => found.message.id)).toEqual(['b']);
    expect(finder.waiting).toBe(true);
    await answer('relay', results([hit('c', 3), hit('b', 2), hit('a', 1)]));
    expect(finder.hits.map((found) => found.message.id)).toEqual(['c', 'b', 'a']);
    expect(finder.waiting).toBe(false);
  });

  it('keeps what it has when the relay fails, and says so', async () => {
    const { finder, answer } = world();
    finder.type('a');
    await vi.advanceTimersByTimeAsync(130);
    await answer('device', results([hit('b', 2)]));
    await answer('relay', new Error('away'));
    expect([finder.deviceOnly, finder.hits.length, finder.failed]).toEqual([true, 1, false]);
  });

  it('does not ask a relay that is away', async () => {
    const { finder, asked, answer } = world(false);
    finder.type('a');
    await vi.advanceTimersByTimeAsync(130);
    await answer('device', results([]));
    expect(asked.map(([source]) => source)).toEqual(['device']);
    expect([finder.nothing, finder.deviceOnly]).toEqual([true, true]);
  });

  it('drops an answer to what is no longer asked', async () => {
    const { finder, answer } = world();
    finder.type('a');
    await vi.advanceTimersByTimeAsync(130);
    const late = answer;
    finder.clear();
    await late('device', results([hit('b', 2)]));
    expect(finder.hits).toEqual([]);
  });

  it('goes on only where the nearest end is', async () => {
    const { finder, asked, answer } = world();
    finder.type('a');
    await vi.advanceTimersByTimeAsync(130);
    await answer('device', results([hit('b', 2)], 'd'));
    await answer('relay', results([hit('c', 9)], 'r'));
    finder.more();
    expect(asked.slice(2)).toEqual([['relay', 'a', 'r']]);
    await answer('relay', results([hit('x', 5)]));
    expect(finder.hits.map((found) => found.message.id)).toEqual(['c', 'x', 'b']);
  });
});

describe('suggestions', () => {
  const person = (id: string, display_name: string) => ({ id, display_name, bot: false }) as never;
  const known = {
    people: [person('u1', 'Lucía Fernández'), person('u2', 'Tobias')],
    rooms: [{ id: 'r1', title: 'Harbour project' } as never],
    now: new Date(2026, 4, 10, 15).getTime(),
  };
  const pieces = (text: string) => suggestions(text, text.length, known).map((suggestion) => suggestion.piece);

  it('complete names, rooms, kinds, days and filters', () => {
    expect(pieces('plan from:luc')).toEqual(['from:"Lucía Fernández"']);
    expect(pieces('from:')).toEqual(['from:me', 'from:"Lucía Fernández"', 'from:Tobias']);
    expect(pieces('in:harb')).toEqual(['in:"Harbour project"']);
    expect(pieces('has:i')).toEqual(['has:image']);
    expect(pieces('before:2026-05')).toEqual(['before:2026-05-10', 'before:2026-05-09', 'before:2026-05-03']);
    expect(pieces('be')).toEqual(['before:']);
  });

  it('leave words and what is complete alone', () => {
    expect(pieces('plan ')).toEqual([]);
    expect(pieces('h')).toEqual([]);
    expect(pieces('from:"Lucía Fernández"')).toEqual([]);
    expect(pieces('"from')).toEqual([]);
  });
});
