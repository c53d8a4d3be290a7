/** What goes first comes out first. Items are not taken out of the middle: a caller says at pop or peek which
 * ones are gone, and they are dropped when they come up. */
export class OrderedHeap<T> {
  readonly #compare: (a: T, b: T) => number;
  #items: T[] = [];

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  /** Counts items that are gone but have not come up yet. */
  get size(): number {
    return this.#items.length;
  }

  push(item: T): void {
    const items = this.#items;
    items.push(item);
    this.#rise(items.length - 1, item);
  }

  /** First item that is not gone, still inside. */
  peek(isGone?: (item: T) => boolean): T | undefined {
    if (isGone === undefined) return this.#items[0];
    while (this.#items.length > 0) {
      const first = this.#items[0]!;
      if (!isGone(first)) return first;
      this.#take();
    }
    return undefined;
  }

  /** First item that is not gone, taken out. */
  pop(isGone?: (item: T) => boolean): T | undefined {
    while (this.#items.length > 0) {
      const first = this.#take();
      if (!isGone?.(first)) return first;
    }
    return undefined;
  }

  /** Drops everything that is gone at once; worth it when that is most of the heap. */
  compact(isGone: (item: T) => boolean): void {
    this.#items = this.#items.filter((item) => !isGone(item)).sort(this.#compare);
  }

  clear(): void {
    this.#items = [];
  }

  /** Everything inside, in no order. */
  values(): IterableIterator<T> {
    return this.#items.values();
  }

  #take(): T {
    const items = this.#items;
    const first = items[0]!;
    const last = items.pop()!;
    if (items.length > 0) this.#refill(last);
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
