import type { TaskId } from '@yardmaster/kernel';
import { PackedMap } from '../packed/index.js';
import type { TaskRecord } from './task-record.js';
import { isPackable, PackedTasks } from './packed-tasks.js';

/** A task that waits for longer is not about to run. */
export const YOUNG_MS = 5_000;
/** Packed together. */
const BLOCK_ROWS = 2_048;
/** A look is due whenever so many came in; it sees twice as many, so that none lag behind. */
const LOOK_EVERY = 512;

/**
 * Tasks of a partition by id. Those that wait for long lie packed: a million of them fit. Each is looked at once, when it is no
 * longer young, and again whenever it was unpacked; most have ended by then, and cost that one look.
 */
export class TaskTable extends PackedMap<TaskRecord> {
  /** Goes through the unpacked ones, in the order in which they came. It is never let to the end, from where it would not go on. */
  #cursor: MapIterator<TaskRecord> | null = null;
  /** Came up, but was young. */
  #upNext: TaskRecord | null = null;
  #seen: TaskRecord | null = null;
  #newest: TaskRecord | null = null;
  #gathered: TaskRecord[] = [];
  #added = 0;

  override set(id: TaskId, task: TaskRecord): void {
    super.set(id, task);
    this.#newest = task;
    if (++this.#added < LOOK_EVERY) return;
    this.#added = 0;
    this.packWaiting(task.submittedAt - YOUNG_MS, { looks: 2 * LOOK_EVERY });
  }

  /** Some of many have not been looked at. */
  get isWorthALook(): boolean {
    return this.size - this.packed >= BLOCK_ROWS && (this.#upNext !== null || this.#seen !== this.#newest);
  }

  /** Packs what was submitted by `before` (epoch ms) and still waits, in blocks of at least `rows`. */
  packWaiting(before: number, { looks = Infinity, rows = BLOCK_ROWS } = {}): void {
    for (let i = 0; i < looks; i++) {
      const task = this.#upNext ?? this.#next();
      if (task === null) break;
      if (task.submittedAt > before) {
        this.#upNext = task;
        break;
      }
      this.#upNext = null;
      if (isPackable(task)) this.#gathered.push(task);
      if (this.#gathered.length >= BLOCK_ROWS) this.#packGathered();
    }
    if (this.#gathered.length >= rows) this.#packGathered();
  }

  #next(): TaskRecord | null {
    if (this.#seen === this.#newest) return null;
    this.#cursor ??= this.unpacked();
    const step = this.#cursor.next();
    if (step.done === true) {
      // The newest was taken out unseen: begins anew when the next one comes.
      this.#cursor = null;
      this.#seen = this.#newest;
      return null;
    }
    return (this.#seen = step.value);
  }

  /** Some may have ended or begun since they were looked at. */
  #packGathered(): void {
    const tasks = this.#gathered.filter((task) => this.owns(task) && isPackable(task));
    this.#gathered = [];
    if (tasks.length > 0) this.pack(new PackedTasks([...new Set(tasks)]));
  }
}
