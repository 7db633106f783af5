/** Which of many rows of unlike heights stand in view: the arithmetic of the timeline, without a document. */
export class RowWindow {
  /** Top of each row in pixels, and at the end the height of all. */
  tops = new Float64Array(1);
  #keys: readonly string[] = [];
  /** Where each key stands, counted from `#base`: rows that come above move the base, and not the place of every row below. */
  #index = new Map<string, number>();
  #base = 0;
  #heights = new Float64Array(0);
  #measured = new Map<string, number>();

  /** `guess` is the height in pixels of a row that was never drawn, by its place among the rows that are set. */
  constructor(private readonly guess: (index: number) => number) {}

  get height(): number {
    return this.tops[this.tops.length - 1]!;
  }

  /** Takes the rows as they are now, each key once. What stands at both ends as before keeps its heights: a timeline changes in one place. */
  setRows(keys: readonly string[]): void {
    const before = this.#keys;
    const most = Math.min(before.length, keys.length);
    let head = 0;
    while (head < most && keys[head] === before[head]) head++;
    let tail = 0;
    while (tail < most - head && keys[keys.length - 1 - tail] === before[before.length - 1 - tail]) tail++;
    if (head === before.length && head === keys.length) return;

    this.#keys = keys;
    const end = keys.length - tail;
    this.#move(before, head, tail);
    const heights = new Float64Array(keys.length);
    heights.set(this.#heights.subarray(0, head));
    heights.set(this.#heights.subarray(before.length - tail), end);
    for (let index = head; index < end; index++) heights[index] = this.#measured.get(keys[index]!) ?? this.guess(index);
    const tops = new Float64Array(keys.length + 1);
    tops.set(this.tops.subarray(0, head + 1));
    [this.#heights, this.tops] = [heights, tops];
    this.#layOut(head);
  }

  /** Takes drawn heights; true when something moved. What stands above the first that changed is not laid out again. */
  measure(heights: Iterable<readonly [key: string, height: number]>): boolean {
    let from = Number.POSITIVE_INFINITY;
    for (const [key, height] of heights) {
      this.#measured.set(key, height);
      const index = this.#at(key);
      if (index === undefined || Math.abs(this.#heights[index]! - height) < 0.5) continue;
      this.#heights[index] = height;
      from = Math.min(from, index);
    }
    if (from === Number.POSITIVE_INFINITY) return false;
    this.#layOut(from);
    return true;
  }

  topOf(key: string): number | null {
    const index = this.#at(key);
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

  #at(key: string): number | undefined {
    const place = this.#index.get(key);
    return place === undefined ? undefined : place + this.#base;
  }

  /** Finds a place for every key, where the first `head` and the last `tail` rows are those of `before`: of these the fewer are written. */
  #move(before: readonly string[], head: number, tail: number): void {
    const keys = this.#keys;
    for (let index = head; index < before.length - tail; index++) this.#index.delete(before[index]!);
    let [from, to] = [head, keys.length - tail];
    if (keys.length !== before.length) {
      if (head <= tail) {
        this.#base += keys.length - before.length;
        from = 0;
      } else to = keys.length;
    }
    for (let index = from; index < to; index++) this.#index.set(keys[index]!, index - this.#base);
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

  #layOut(from: number): void {
    const { tops } = this;
    const heights = this.#heights;
    for (let index = from; index < heights.length; index++) tops[index + 1] = tops[index]! + heights[index]!;
  }
}

type Range = readonly [start: number, end: number];

/** The part of `wanted` that can be drawn with at most `most` rows made anew; what leaves of `drawn` gives its elements to as many more. Downwards first, as one reads. */
export function towards(wanted: Range, drawn: Range, most: number): Range {
  const from = Math.max(wanted[0], drawn[0]);
  const to = Math.min(wanted[1], drawn[1]);
  const leaving = drawn[1] - drawn[0] - Math.max(0, to - from);
  const more = Math.max(most, leaving);
  if (from >= to) return [wanted[0], Math.min(wanted[1], wanted[0] + more)];
  const end = Math.min(wanted[1], to + more);
  return [Math.max(wanted[0], from - (more - (end - to))), end];
}
