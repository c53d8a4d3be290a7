/**
 * Rows written by column, so that what is the same in many is written once. A column stands as its one value when all rows have
 * it and it is no list, else as the list of its values; a list in a column's place is therefore always the values.
 */

export class Column {
  #shared: unknown = null;
  #values: unknown[] | null = null;
  #rows = 0;

  add(value: unknown): void {
    if (this.#values !== null) this.#values.push(value);
    else if (this.#rows === 0 && !Array.isArray(value)) this.#shared = value;
    else if (this.#rows === 0 || value !== this.#shared) {
      this.#values = new Array<unknown>(this.#rows).fill(this.#shared);
      this.#values.push(value);
    }
    this.#rows++;
  }

  get packed(): unknown {
    return this.#values ?? this.#shared;
  }
}

/** Value of row `i`. */
export function valueAt(column: unknown, i: number): unknown {
  return Array.isArray(column) ? (column as unknown[])[i] : column;
}
