import type { TaskId } from '@yardmaster/kernel';
import { PackedIds, type SplitId } from './packed-ids.js';

/** Rows that were packed together. Each is there until it is taken, once. */
export abstract class PackedBlock<T> {
  readonly #ids: PackedIds;
  readonly #taken: Uint8Array;
  #left: number;

  constructor(ids: readonly TaskId[]) {
    this.#ids = new PackedIds(ids);
    this.#taken = new Uint8Array(ids.length);
    this.#left = ids.length;
  }

  /** Makes the row's object anew. */
  abstract at(row: number): T;

  get rows(): number {
    return this.#ids.rows;
  }

  /** Rows not yet taken. */
  get left(): number {
    return this.#left;
  }

  idAt(row: number): TaskId {
    return this.#ids.at(row) as TaskId;
  }

  has(row: number): boolean {
    return this.#taken[row] === 0;
  }

  /** The row of an id that is still there; -1 when none is. */
  find(id: SplitId): number {
    const row = this.#ids.find(id);
    return row >= 0 && this.has(row) ? row : -1;
  }

  take(row: number): void {
    if (!this.has(row)) return;
    this.#taken[row] = 1;
    this.#left--;
  }

  *values(): Generator<T> {
    for (let row = 0; row < this.rows; row++) if (this.has(row)) yield this.at(row);
  }
}
