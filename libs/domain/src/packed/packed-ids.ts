/** An id in two numbers that are exact: what stands before its last nine digits, and those. */
export interface SplitId {
  readonly upper: number;
  readonly lower: number;
}

const DIGITS = 9;
/** So many fit: rows are told apart by 16 bits, and one value says that a slot is free. */
export const MAX_PACKED_ROWS = 32_768;

/** `id`: the decimal form of a positive integer below 2^63. */
export function splitId(id: string): SplitId {
  return {
    upper: id.length > DIGITS ? Number(id.slice(0, -DIGITS)) : 0,
    lower: Number(id.slice(-DIGITS)),
  };
}

export function joinId(upper: number, lower: number): string {
  return upper === 0 ? String(lower) : String(upper) + String(lower).padStart(DIGITS, '0');
}

/** Ids that stay what they are, each in 16 bytes where a string in a map takes a hundred; found by hash. */
export class PackedIds {
  readonly #upper: Float64Array;
  readonly #lower: Uint32Array;
  /** Row + 1 by hash, the next free slot at a collision; 0 = free. */
  readonly #slots: Uint16Array;
  #least = Infinity;
  #greatest = -1;

  /** At most MAX_PACKED_ROWS, each once. */
  constructor(ids: readonly string[]) {
    this.#upper = new Float64Array(ids.length);
    this.#lower = new Uint32Array(ids.length);
    this.#slots = new Uint16Array(2 ** Math.ceil(Math.log2(ids.length * 1.5 + 1)));
    for (const [row, id] of ids.entries()) this.#put(row, splitId(id));
  }

  get rows(): number {
    return this.#lower.length;
  }

  at(row: number): string {
    return joinId(this.#upper[row] ?? 0, this.#lower[row] ?? 0);
  }

  /** The id's row; -1 when it is not here. */
  find({ upper, lower }: SplitId): number {
    // Ids sort by time, and so do most blocks of them.
    if (upper < this.#least || upper > this.#greatest) return -1;
    for (let slot = this.#slotOf(upper, lower); ; slot = (slot + 1) & (this.#slots.length - 1)) {
      const row = (this.#slots[slot] ?? 0) - 1;
      if (row < 0 || (this.#lower[row] === lower && this.#upper[row] === upper)) return row;
    }
  }

  #put(row: number, { upper, lower }: SplitId): void {
    this.#upper[row] = upper;
    this.#lower[row] = lower;
    this.#least = Math.min(this.#least, upper);
    this.#greatest = Math.max(this.#greatest, upper);
    let slot = this.#slotOf(upper, lower);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1);
    this.#slots[slot] = row + 1;
  }

  #slotOf(upper: number, lower: number): number {
    const mixed = Math.imul(lower ^ Math.imul(upper, 0x85ebca6b), 0x9e3779b1);
    return (mixed ^ (mixed >>> 15)) & (this.#slots.length - 1);
  }
}
