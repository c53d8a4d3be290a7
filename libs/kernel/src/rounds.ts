const ALL = (): boolean => true;

/**
 * Goes round a collection, some of it at a time; what is added meanwhile comes in its turn. `values` begins a round; its iterator
 * has to bear changes of the collection, as those of Map and Set do.
 */
export class Rounds<V> {
  #round: Iterator<V, unknown> | null = null;
  readonly #values: () => Iterator<V, unknown>;

  constructor(values: () => Iterator<V, unknown>) {
    this.#values = values;
  }

  /** The next `limit` of those that are wanted, fewer at the end of a round or after so many looks. */
  next(limit: number, isWanted: (value: V) => boolean = ALL, looks = Infinity): V[] {
    const some: V[] = [];
    this.#round ??= this.#values();
    for (let look = 0; some.length < limit && look < looks; look++) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = null;
        break;
      }
      if (isWanted(next.value)) some.push(next.value);
    }
    return some;
  }
}
