import { Column, openColumn, valueAt } from './columns.js';

/** Sealed contents of one tenant with their places among an envelope's events. Flat, for each run of neighbours: first place, number, column. */
export class PlacedContents {
  readonly #flat: unknown[] = [];
  #column = new Column();
  #first = 0;
  #n = 0;

  add(place: number, content: unknown): void {
    if (this.#n > 0 && place !== this.#first + this.#n) this.#close();
    if (this.#n === 0) this.#first = place;
    this.#column.add(content);
    this.#n++;
  }

  packed(): readonly unknown[] {
    this.#close();
    return this.#flat;
  }

  #close(): void {
    if (this.#n > 0) this.#flat.push(this.#first, this.#n, this.#column.packed);
    this.#column = new Column();
    this.#n = 0;
  }
}

/** As version 1 of an envelope has them: pairs of place and content. */
export class PairedContents {
  readonly #pairs: [place: number, content: unknown][] = [];

  add(place: number, content: unknown): void {
    this.#pairs.push([place, content]);
  }

  packed(): readonly unknown[] {
    return this.#pairs;
  }
}

export function placeRuns(flat: readonly unknown[], into: unknown[]): void {
  for (let at = 0; at + 2 < flat.length; at += 3) {
    const first = flat[at] as number;
    const n = flat[at + 1] as number;
    const column = openColumn(flat[at + 2], n);
    for (let i = 0; i < n; i++) into[first + i] = valueAt(column, i);
  }
}

/** As version 1 of an envelope has them. */
export function placePairs(pairs: readonly unknown[], into: unknown[]): void {
  for (const [place, content] of pairs as readonly (readonly [number, unknown])[]) into[place] = content;
}
