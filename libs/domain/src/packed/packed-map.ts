import { compareIds, type TaskId } from '@yardmaster/kernel';
import type { PackedBlock } from './packed-block.js';
import { splitId } from './packed-ids.js';

/**
 * A map by id, some of whose values lie packed in blocks of columns. Whoever gets one by its id has it unpacked for good, so that
 * it can be changed; nobody can tell the difference but by the memory that it takes.
 *
 * Invariants: an id is either unpacked or in one block. A value that was packed is no longer the map's: another stands for it.
 */
export class PackedMap<T extends { readonly id: TaskId }> {
  readonly #unpacked = new Map<TaskId, T>();
  readonly #blocks = new Set<PackedBlock<T>>();
  readonly #onUnpacked: ((value: T) => void) | null;
  #packed = 0;
  /** Greatest id that was ever packed: what came later, as most that is asked for did, is not looked for. */
  #latest = '';

  constructor(onUnpacked: ((value: T) => void) | null = null) {
    this.#onUnpacked = onUnpacked;
  }

  get size(): number {
    return this.#unpacked.size + this.#packed;
  }

  /** How many lie in blocks. */
  get packed(): number {
    return this.#packed;
  }

  get(id: TaskId): T | undefined {
    const value = this.#unpacked.get(id);
    return value !== undefined || this.#packed === 0
      ? value
      : this.#find(id, (block, row) => this.unpack(block, row));
  }

  has(id: TaskId): boolean {
    return this.#unpacked.has(id) || (this.#packed > 0 && this.#find(id, () => true) === true);
  }

  /** The same to look at only: what is packed stays so, and is given as a copy. */
  peek(id: TaskId): T | undefined {
    const value = this.#unpacked.get(id);
    return value !== undefined || this.#packed === 0 ? value : this.#find(id, (block, row) => block.at(row));
  }

  /** `id` is not in a block. */
  set(id: TaskId, value: T): void {
    this.#unpacked.set(id, value);
  }

  delete(id: TaskId): boolean {
    if (this.#unpacked.delete(id)) return true;
    return (
      this.#packed > 0 &&
      this.#find(id, (block, row) => {
        this.#take(block, row);
        return true;
      }) === true
    );
  }

  /** Everything: first copies of what is packed, to look at, then what is not. */
  *values(): Generator<T> {
    for (const block of this.#blocks) yield* block.values();
    yield* this.#unpacked.values();
  }

  *[Symbol.iterator](): Generator<[TaskId, T]> {
    for (const value of this.values()) yield [value.id, value];
  }

  *keys(): Generator<TaskId> {
    for (const block of this.#blocks)
      for (let row = 0; row < block.rows; row++) if (block.has(row)) yield block.idAt(row);
    yield* this.#unpacked.keys();
  }

  /** What is not packed, in the order in which it came or was unpacked. */
  unpacked(): MapIterator<T> {
    return this.#unpacked.values();
  }

  /** True when this very value is the map's. */
  owns(value: T): boolean {
    return this.#unpacked.get(value.id) === value;
  }

  /** Lets a block stand for the values that it was made of. */
  pack(block: PackedBlock<T>): void {
    for (let row = 0; row < block.rows; row++) {
      const id = block.idAt(row);
      this.#unpacked.delete(id);
      if (compareIds(id, this.#latest) > 0) this.#latest = id;
    }
    this.#blocks.add(block);
    this.#packed += block.left;
  }

  unpack(block: PackedBlock<T>, row: number): T {
    const value = block.at(row);
    this.#take(block, row);
    this.set(value.id, value);
    this.#onUnpacked?.(value);
    return value;
  }

  #take(block: PackedBlock<T>, row: number): void {
    block.take(row);
    this.#packed--;
    if (block.left === 0) this.#blocks.delete(block);
  }

  #find<R>(id: TaskId, found: (block: PackedBlock<T>, row: number) => R): R | undefined {
    if (compareIds(id, this.#latest) > 0) return undefined;
    const split = splitId(id);
    for (const block of this.#blocks) {
      const row = block.find(split);
      if (row >= 0) return found(block, row);
    }
    return undefined;
  }
}
