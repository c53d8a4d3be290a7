import { invariant } from '@yardmaster/kernel';
import { GENERATORS, ID_EPOCH_MS, ID_TIME_END_MS, IDS_PER_MS, LOW_SPAN, PARTITIONS } from './layout.js';

export interface GeneratorLease {
  readonly partition: number;
  readonly generator: number;
  /** Ids may tell times in [fromMs, untilMs). */
  readonly fromMs: number;
  readonly untilMs: number;
}

const TAIL_DIGITS = 7;
const TAIL = 10 ** TAIL_DIGITS;

/** Makes the ids of one generator lease, each greater than the one before. When the clock goes back, or more than
 * 4,096 are wanted in a ms, it makes them for later ms, never beyond its lease. */
export class IdMinter {
  readonly #lowest: number;
  #ms: number;
  #counter = -1;
  #untilMs: number;
  /** The first id of #ms in decimal: #head, then #tail in seven digits. Others add their counter to the tail. */
  #head = '';
  #tail = 0;

  constructor({ partition, generator, fromMs, untilMs }: GeneratorLease) {
    invariant(partition >= 0 && partition < PARTITIONS, `no partition ${partition}`);
    invariant(generator >= 0 && generator < GENERATORS, `no generator ${generator}`);
    invariant(fromMs > ID_EPOCH_MS && untilMs <= ID_TIME_END_MS, 'ids tell times from 2024 to 2093');
    this.#lowest = (partition * GENERATORS + generator) * IDS_PER_MS;
    this.#untilMs = untilMs;
    this.#ms = fromMs;
    this.#enter(fromMs);
  }

  /** End of the time that the lease covers. */
  get untilMs(): number {
    return this.#untilMs;
  }

  /** Time told by the last id, or by the first that could be made. */
  get atMs(): number {
    return this.#ms;
  }

  /** The next id, or null when the lease's time is used up. */
  mint(nowMs: number): string | null {
    let ms = this.#ms;
    if (nowMs > ms) ms = Math.floor(nowMs);
    else if (this.#counter === IDS_PER_MS - 1) ms++;
    if (ms >= this.#untilMs) return null;
    if (ms !== this.#ms) this.#enter(ms);
    const tail = this.#tail + ++this.#counter;
    return tail < TAIL ? joined(this.#head, padded(tail)) : joined(carried(this.#head), padded(tail - TAIL));
  }

  /** The lease was extended; a time before its present end changes nothing. */
  extend(untilMs: number): void {
    if (untilMs > this.#untilMs) this.#untilMs = Math.min(untilMs, ID_TIME_END_MS);
  }

  #enter(ms: number): void {
    const first = BigInt(ms - ID_EPOCH_MS) * BigInt(LOW_SPAN) + BigInt(this.#lowest);
    const head = first / BigInt(TAIL);
    this.#head = head === 0n ? '' : String(head);
    this.#tail = Number(first % BigInt(TAIL));
    this.#ms = ms;
    this.#counter = -1;
  }
}

/** `+` would give V8 a rope of two strings, which every map that is asked for the id walks again: a tenth of a microsecond each. */
function joined(head: string, tail: string): string {
  return [head, tail].join('');
}

function padded(tail: number): string {
  const text = String(tail);
  return text.length === TAIL_DIGITS ? text : text.padStart(TAIL_DIGITS, '0');
}

function carried(head: string): string {
  return String(Number(head) + 1);
}
