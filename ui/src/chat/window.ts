/** Which of many rows of unlike heights stand in view: the arithmetic of the timeline, without a document. */
export class RowWindow {
  /** Top of each row in pixels, and at the end the height of all. */
  tops = new Float64Array(1);
  #keys: readonly string[] = [];
  #index = new Map<string, number>();
  #measured = new Map<string, number>();

  /** `guess` is the height in pixels of a row that was never drawn. */
  constructor(private readonly guess: (key: string) => number) {}

  get height(): number {
    return this.tops[this.tops.length - 1]!;
  }

  setRows(keys: readonly string[]): void {
    this.#keys = keys;
    this.#index = new Map(keys.map((key, index) => [key, index]));
    this.#layOut();
  }

  /** Takes drawn heights; true when something moved. */
  measure(heights: Iterable<readonly [key: string, height: number]>): boolean {
    let moved = false;
    for (const [key, height] of heights) {
      if (Math.abs((this.#measured.get(key) ?? this.guess(key)) - height) >= 0.5) moved = true;
      this.#measured.set(key, height);
    }
    if (moved) this.#layOut();
    return moved;
  }

  topOf(key: string): number | null {
    const index = this.#index.get(key);
    return index === undefined ? null : this.tops[index]!;
  }

  /** Rows that touch `top..top + height`, as `[start, end)`. */
  range(top: number, height: number): [start: number, end: number] {
    const start = this.#rowAt(top);
    let end = start;
    while (end < this.#keys.length && this.tops[end]! < top + height) end++;
    return [start, Math.max(end, Math.min(start + 1, this.#keys.length))];
  }

  /** The first row in view and where its top stands in the viewport: what must not move when rows change. */
  anchor(top: number): { key: string; offset: number } | null {
    const index = this.#rowAt(top);
    const key = this.#keys[index];
    return key === undefined ? null : { key, offset: this.tops[index]! - top };
  }

  #rowAt(y: number): number {
    let low = 0;
    let high = this.#keys.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tops[middle]! <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  #layOut(): void {
    const tops = new Float64Array(this.#keys.length + 1);
    this.#keys.forEach((key, index) => (tops[index + 1] = tops[index]! + (this.#measured.get(key) ?? this.guess(key))));
    this.tops = tops;
  }
}
