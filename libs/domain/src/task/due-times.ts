import { compareIds, type TaskId } from '@yardmaster/kernel';
import { joinId, splitId } from '../packed/index.js';

const FIRST_ROOM = 64;

/**
 * When scheduled tasks fall due, the next first: a heap in columns, 20 bytes a task. Nothing is taken out of the middle: what is not
 * scheduled any more is dropped when it comes up.
 */
export class DueTimes {
  #at = new Float64Array(FIRST_ROOM);
  #upper = new Float64Array(FIRST_ROOM);
  #lower = new Uint32Array(FIRST_ROOM);
  #size = 0;

  /** Counts what is not scheduled any more, but has not come up yet. */
  get size(): number {
    return this.#size;
  }

  /** `at`: epoch ms. */
  add(id: TaskId, at: number): void {
    if (this.#size === this.#at.length) this.#grow();
    const { upper, lower } = splitId(id);
    let hole = this.#size++;
    while (hole > 0) {
      const above = (hole - 1) >> 1;
      if ((this.#at[above] ?? 0) <= at) break;
      this.#move(above, hole);
      hole = above;
    }
    this.#put(hole, at, upper, lower);
  }

  /** When the next falls due that is still scheduled; Infinity when none is. */
  next(isScheduled: (id: TaskId) => boolean): number {
    while (this.#size > 0) {
      if (isScheduled(this.#idAt(0))) return this.#at[0] ?? Infinity;
      this.#drop();
    }
    return Infinity;
  }

  /** Those due by `now`, in submission order. */
  due(now: number, isScheduled: (id: TaskId) => boolean): TaskId[] {
    const ids: TaskId[] = [];
    const open = this.#size > 0 ? [0] : [];
    for (let i = open.pop(); i !== undefined; i = open.pop()) {
      if (i >= this.#size || (this.#at[i] ?? 0) > now) continue;
      const id = this.#idAt(i);
      if (isScheduled(id)) ids.push(id);
      open.push(2 * i + 1, 2 * i + 2);
    }
    return ids.sort(compareIds);
  }

  #idAt(i: number): TaskId {
    return joinId(this.#upper[i] ?? 0, this.#lower[i] ?? 0) as TaskId;
  }

  #drop(): void {
    const last = --this.#size;
    const [at, upper, lower] = [this.#at[last] ?? 0, this.#upper[last] ?? 0, this.#lower[last] ?? 0];
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= last) break;
      if (child + 1 < last && (this.#at[child + 1] ?? 0) < (this.#at[child] ?? 0)) child++;
      if (at <= (this.#at[child] ?? 0)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#put(hole, at, upper, lower);
    if (this.#at.length > FIRST_ROOM && this.#size * 4 < this.#at.length) this.#resize(this.#at.length / 2);
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#at[from] ?? 0, this.#upper[from] ?? 0, this.#lower[from] ?? 0);
  }

  #put(i: number, at: number, upper: number, lower: number): void {
    this.#at[i] = at;
    this.#upper[i] = upper;
    this.#lower[i] = lower;
  }

  #grow(): void {
    this.#resize(this.#at.length * 2);
  }

  #resize(room: number): void {
    const [at, upper, lower] = [this.#at, this.#upper, this.#lower];
    this.#at = new Float64Array(room);
    this.#upper = new Float64Array(room);
    this.#lower = new Uint32Array(room);
    this.#at.set(at.subarray(0, this.#size));
    this.#upper.set(upper.subarray(0, this.#size));
    this.#lower.set(lower.subarray(0, this.#size));
  }
}
