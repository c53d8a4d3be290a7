import type { Report } from '@yardmaster/contracts';
import type { TaskId, WorkerId } from '@yardmaster/kernel';

export interface LateReportOf {
  readonly worker: WorkerId;
  readonly report: Report;
}

/** Held at once; whoever is put off by it says its report again in a few seconds. */
const MAX_HELD = 10_000;

/**
 * Finishes of lost attempts whose tasks are about to become visible again, by task. Never in the log: their workers keep them
 * until they are answered, and say them again.
 */
export class LateReports {
  readonly #held = new Map<TaskId, LateReportOf>();

  get size(): number {
    return this.#held.size;
  }

  hold(worker: WorkerId, report: Report): void {
    if (this.#held.size < MAX_HELD) this.#held.set(report[0] as TaskId, { worker, report });
  }

  /** All of them, to be judged again; those that still have to wait are held anew. */
  take(): readonly LateReportOf[] {
    const all = [...this.#held.values()];
    this.#held.clear();
    return all;
  }
}
