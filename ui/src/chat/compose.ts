/** The relay forgets typing after 6 s; it is renewed at half of that. */
const RENEW_MS = 3_000;

/** Length as the relay counts: code points after trimming. */
export function lengthOf(text: string): number {
  let count = 0;
  for (const _ of text.trim()) count++;
  return count;
}

/** Says that someone types: at the first key, every three seconds of typing, and once when it stops. */
export class Typist {
  #since: number | null = null;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly tell: (typing: boolean) => void,
    private readonly now: () => number = Date.now,
  ) {}

  key(text: string): void {
    if (text.trim() === '') return this.stop();
    const now = this.now();
    if (this.#since === null || now - this.#since >= RENEW_MS) {
      this.#since = now;
      this.tell(true);
    }
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.stop(), 2 * RENEW_MS);
  }

  stop(): void {
    clearTimeout(this.#rest);
    if (this.#since === null) return;
    this.#since = null;
    this.tell(false);
  }
}
