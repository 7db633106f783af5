import type { CommandError, SearchHit, SearchResults, SearchSource } from '../generated/view';
import { horizon, mergeHits, type Found } from './merge';
import { asks } from './terms';

/** ```text
 * Idle --query--> Waiting --answer--> Done | Failed --more--> Waiting
 * ``` */
export type SourceState = 'idle' | 'waiting' | 'done' | 'failed' | 'away';

type Ask = (
  source: SearchSource,
  query: string,
  roomId: string | null,
  before: string | null,
) => Promise<SearchResults>;

const DEBOUNCE_MS = 120;
const NOTHING: Found = { hits: [], next: null };

/** One search as it is typed: both sources are asked at once, the device's answer stands while the relay's comes. */
export class Finder {
  query = $state('');
  roomId = $state<string | null>(null);
  device = $state<SourceState>('idle');
  relay = $state<SourceState>('idle');
  marks = $state.raw<{ words: string[]; phrases: string[] }>({ words: [], phrases: [] });
  error = $state.raw<CommandError | null>(null);
  #found = $state.raw<Record<SearchSource, Found>>({ device: NOTHING, relay: NOTHING });
  /** What the hits that stand answer; the text may be ahead of it. */
  #asked = $state('');
  #round = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  readonly hits = $derived<SearchHit[]>(mergeHits(this.#found.device, this.#found.relay));
  readonly horizon = $derived(horizon(this.#found.device, this.#found.relay));
  readonly asks = $derived(asks(this.query));
  readonly waiting = $derived(this.device === 'waiting' || this.relay === 'waiting' || this.#asked !== this.query);
  /** Both have answered and neither has it. */
  readonly nothing = $derived(this.asks && !this.waiting && this.hits.length === 0 && this.device !== 'failed');
  readonly failed = $derived(
    this.asks && this.device === 'failed' && this.relay !== 'waiting' && this.hits.length === 0,
  );
  readonly deviceOnly = $derived(this.asks && (this.relay === 'failed' || this.relay === 'away'));

  /** `online` is asked for each search: a relay that is away is not asked. */
  constructor(
    private readonly ask: Ask,
    private readonly online: () => boolean,
  ) {}

  /** Takes what was typed, and asks when the typing rests. */
  type(query: string, roomId: string | null = this.roomId): void {
    if (query === this.query && roomId === this.roomId) return;
    this.query = query;
    this.roomId = roomId;
    clearTimeout(this.#timer);
    if (!asks(query)) return this.clear(query);
    this.#timer = setTimeout(() => this.run(), DEBOUNCE_MS);
  }

  clear(query = ''): void {
    clearTimeout(this.#timer);
    this.#round++;
    this.query = this.#asked = query;
    this.#found = { device: NOTHING, relay: NOTHING };
    this.device = this.relay = 'idle';
    this.error = null;
  }

  /** Asks for the first page of both. What stood before goes when the first answer comes. */
  run(): void {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    this.#asked = this.query;
    this.error = null;
    let stale = true;
    const begin = (source: SearchSource, answer: SearchResults) => {
      const before = stale ? { device: NOTHING, relay: NOTHING } : this.#found;
      stale = false;
      this.#found = { ...before, [source]: { hits: answer.hits, next: answer.next } };
    };
    const gone = (source: SearchSource) => {
      if (stale && this[source === 'device' ? 'relay' : 'device'] !== 'waiting')
        this.#found = { device: NOTHING, relay: NOTHING };
    };
    const relay = this.online();
    this.device = 'waiting';
    this.relay = relay ? 'waiting' : 'away';
    void this.#page('device', null, round, begin, gone);
    if (relay) void this.#page('relay', null, round, begin, gone);
  }

  /** Asks the relay that was away, or did not answer. */
  retry(): void {
    if (!this.asks) return;
    if (this.device === 'failed') return this.run();
    if (!this.online() || this.relay === 'waiting') return;
    this.relay = 'waiting';
    void this.#page('relay', null, this.#round, (source, answer) => {
      this.#found = { ...this.#found, [source]: { hits: answer.hits, next: answer.next } };
    });
  }

  /** Asks for what comes after the end that is nearest. */
  more(): void {
    const wanted = this.horizon;
    if (wanted === null || this.waiting) return;
    for (const source of ['device', 'relay'] as const) {
      if (!wanted[source]) continue;
      this[source] = 'waiting';
      void this.#page(source, this.#found[source].next, this.#round, (_, answer) => {
        const hits = [...this.#found[source].hits, ...answer.hits];
        this.#found = { ...this.#found, [source]: { hits, next: answer.next } };
      });
    }
  }

  async #page(
    source: SearchSource,
    before: string | null,
    round: number,
    take: (source: SearchSource, answer: SearchResults) => void,
    gone: (source: SearchSource) => void = () => undefined,
  ): Promise<void> {
    try {
      const answer = await this.ask(source, this.query, this.roomId, before);
      if (round !== this.#round) return;
      this[source] = 'done';
      take(source, answer);
      this.marks = { words: answer.words, phrases: answer.phrases };
    } catch (error) {
      if (round !== this.#round) return;
      this[source] = 'failed';
      this.error = error as CommandError;
      // What could not be gone on with ends here; a new search asks again.
      if (before !== null) this.#found = { ...this.#found, [source]: { ...this.#found[source], next: null } };
      else gone(source);
    }
  }
}
