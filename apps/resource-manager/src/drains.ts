import type { CellState, CellWorker } from '@yardmaster/domain';
import type { WorkerId } from '@yardmaster/kernel';

/** An order to end may get lost on its way: it is given again. */
const AGAIN_MS = 5_000;

/** Deadlines of draining workers, on the monotonic clock; a new owner counts from its takeover. */
export class Drains {
  readonly #dueAt = new Map<WorkerId, number>();

  /** The deadline was said anew. */
  begin(worker: WorkerId): void {
    this.#dueAt.delete(worker);
  }

  /** Workers whose time is over and who have to be told to end what they run. */
  due(state: CellState, now: number): CellWorker[] {
    const due: CellWorker[] = [];
    for (const worker of state.workerList) {
      if (worker.drain === null || worker.drain.onDeadline === 'wait') {
        this.#dueAt.delete(worker.id);
        continue;
      }
      const at = this.#dueAt.get(worker.id);
      if (at === undefined) this.#dueAt.set(worker.id, now + worker.drain.forMs);
      else if (now >= at && worker.held.size > 0) {
        this.#dueAt.set(worker.id, now + AGAIN_MS);
        due.push(worker);
      }
    }
    return due;
  }
}
