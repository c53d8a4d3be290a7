import { orderKey, type OrderKey } from '../order/index.js';
import { nullableAt, type NullableNumbers, PackedBlock, packNullable } from '../packed/index.js';
import type { Lane, ReadyTask } from './ready-set.js';

/** Waiting tasks in columns: all ready, of one lane and in its order, or all scheduled, of any lanes. */
export class PackedReady extends PackedBlock<ReadyTask> {
  readonly #state: 'ready' | 'scheduled';
  readonly #lanes: readonly Lane[];
  /** Place in `#lanes`; null when they are one. */
  readonly #lane: Uint16Array | null;
  readonly #p: Uint8Array;
  readonly #dueAt: NullableNumbers;
  readonly #eligibleAt: Float64Array;
  readonly #seq: Float64Array;
  /** No row before this is left. */
  #head = 0;
  #first: OrderKey | null = null;

  /** At least one. */
  constructor(tasks: readonly ReadyTask[], state: 'ready' | 'scheduled') {
    super(tasks.map(({ id }) => id));
    this.#state = state;
    const lanes = new Map<Lane, number>();
    for (const { lane } of tasks) if (!lanes.has(lane)) lanes.set(lane, lanes.size);
    this.#lanes = [...lanes.keys()];
    this.#lane = lanes.size === 1 ? null : Uint16Array.from(tasks, ({ lane }) => lanes.get(lane) ?? 0);
    this.#p = Uint8Array.from(tasks, ({ p }) => p);
    this.#dueAt = packNullable(tasks.map(({ dueAt }) => dueAt));
    this.#eligibleAt = Float64Array.from(tasks, ({ eligibleAt }) => eligibleAt);
    this.#seq = Float64Array.from(tasks, ({ order }) => order.seq);
  }

  at(row: number): ReadyTask {
    const lane = this.#lanes[this.#lane?.[row] ?? 0]!;
    const eligibleAt = this.#eligibleAt[row] ?? 0;
    return {
      id: this.idAt(row),
      p: this.#p[row] ?? 0,
      tenant: lane.tenant,
      lane,
      dueAt: nullableAt(this.#dueAt, row),
      state: this.#state,
      eligibleAt,
      order: orderKey(lane.spec, eligibleAt, this.#seq[row] ?? 0),
    };
  }

  /** Rows that are left, the first first; at most `limit`. */
  firstRows(limit: number): number[] {
    const rows: number[] = [];
    for (let row = this.#head; row < this.rows && rows.length < limit; row++)
      if (this.has(row)) rows.push(row);
    return rows;
  }

  /** Where the first row that is left stands in the lane's order; null when none is. */
  first(): OrderKey | null {
    if (this.#first !== null && this.has(this.#head)) return this.#first;
    while (this.#head < this.rows && !this.has(this.#head)) this.#head++;
    return (this.#first = this.#head < this.rows ? this.at(this.#head).order : null);
  }
}
