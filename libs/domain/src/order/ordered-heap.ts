/** What goes first comes out first. Items are not taken out of the middle: a caller says at pop or peek which
 * ones are gone, and they are dropped when they come up.
 *
 * Most items come in the order in which they go: those stand in a plain queue, `#run`; the others in a heap. The
 * first of all is the first of one of the two. */
export class OrderedHeap<T> {
  readonly #compare: (a: T, b: T) => number;
  #items: T[] = [];
  #run: T[] = [];
  #head = 0;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  /** Counts items that are gone but have not come up yet. */
  get size(): number {
    return this.#items.length + this.#run.length - this.#head;
  }

  push(item: T): void {
    const run = this.#run;
    if (run.length === this.#head || this.#compare(item, run[run.length - 1]!) >= 0) {
      run.push(item);
      return;
    }
    const items = this.#items;
    items.push(item);
    this.#rise(items.length - 1, item);
  }

  /** First item that is not gone, still inside. */
  peek(isGone?: (item: T) => boolean): T | undefined {
    for (;;) {
      const first = this.#isRunFirst() ? this.#run[this.#head] : this.#items[0];
      if (first === undefined || !isGone?.(first)) return first;
      this.#take();
    }
  }

  /** First item that is not gone, taken out. */
  pop(isGone?: (item: T) => boolean): T | undefined {
    for (;;) {
      const first = this.#take();
      if (first === undefined || !isGone?.(first)) return first;
    }
  }

  /** Items that stand in order in the plain queue. */
  get queued(): number {
    return this.#run.length - this.#head;
  }

  /** Items that stand in the heap. */
  get heaped(): number {
    return this.#items.length;
  }

  /** Takes all items out of the heap but the first `keep`, in order. */
  cutHeaped(keep: number): T[] {
    const sorted = this.#items.sort(this.#compare);
    this.#items = sorted.slice(0, keep);
    return sorted.slice(keep);
  }

  /** Takes `count` items out of the plain queue, in their order, from the one at `from` on. */
  cut(from: number, count: number): T[] {
    return this.#run.splice(this.#head + from, count);
  }

  /** Drops everything that is gone at once; worth it when that is most of the heap. */
  compact(isGone: (item: T) => boolean): void {
    this.#run = [...this.values()].filter((item) => !isGone(item)).sort(this.#compare);
    this.#head = 0;
    this.#items = [];
  }

  clear(): void {
    this.#items = [];
    this.#run = [];
    this.#head = 0;
  }

  /** Everything inside, in no order. */
  *values(): IterableIterator<T> {
    yield* this.#items;
    for (let i = this.#head; i < this.#run.length; i++) yield this.#run[i]!;
  }

  #isRunFirst(): boolean {
    if (this.#head === this.#run.length) return false;
    return this.#items.length === 0 || this.#compare(this.#run[this.#head]!, this.#items[0]!) <= 0;
  }

  #take(): T | undefined {
    return this.#isRunFirst() ? this.#takeRun() : this.#takeHeap();
  }

  #takeRun(): T {
    const first = this.#run[this.#head++]!;
    if (this.#head === this.#run.length) {
      this.#run = [];
      this.#head = 0;
    } else if (this.#head >= 1_024 && this.#head * 2 >= this.#run.length) {
      this.#run = this.#run.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  #takeHeap(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last !== undefined && items.length > 0) this.#refill(last);
    return first;
  }

  /** The hole goes down to a leaf and the last item rises from there: it came from the bottom and mostly stays
   * there, so this saves half of the comparisons. */
  #refill(item: T): void {
    const items = this.#items;
    const compare = this.#compare;
    const size = items.length;
    let hole = 0;
    for (;;) {
      const left = 2 * hole + 1;
      if (left >= size) break;
      const right = left + 1;
      const child = right < size && compare(items[right]!, items[left]!) < 0 ? right : left;
      items[hole] = items[child]!;
      hole = child;
    }
    this.#rise(hole, item);
  }

  #rise(from: number, item: T): void {
    const items = this.#items;
    const compare = this.#compare;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = items[above]!;
      if (compare(item, parent) >= 0) break;
      items[at] = parent;
      at = above;
    }
    items[at] = item;
  }
}
