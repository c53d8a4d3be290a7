import type { Journal } from './journal.js';

/** A frame may be on its way this long, and a worker that nobody reaches stops by itself within the lease's time. */
export interface RunBounds {
  readonly frameMs: number;
  readonly killMs: number;
}

/** I2 and I15 as the workers saw them: no task runs twice at once, and none begins after its cancel was acknowledged. */
export function faultsOfRuns(
  { runs, cancels }: Pick<Journal, 'runs' | 'cancels'>,
  bounds: RunBounds,
): string[] {
  const faults: string[] = [];
  const byTask = Map.groupBy(runs, ({ task }) => task);
  for (const [task, all] of byTask) {
    const sorted = [...all].sort((a, b) => a.from - b.from);
    let until = -Infinity;
    let on = '';
    for (const run of sorted) {
      if (run.from < until)
        faults.push(
          `I2 ${task} began on ${run.worker} at ${String(run.from)} while it ran on ${on} until ${String(until)}`,
        );
      if ((run.until ?? Infinity) > until) {
        until = run.until ?? Infinity;
        on = run.worker;
      }
    }
  }
  for (const { id, at } of cancels)
    for (const run of byTask.get(id) ?? []) {
      if (run.from > at + bounds.frameMs)
        faults.push(
          `I15 ${id} began on ${run.worker} ${String(run.from - at)} ms after its cancel was acknowledged`,
        );
      else if ((run.until ?? Infinity) > at + bounds.killMs)
        faults.push(
          `I15 ${id} went on on ${run.worker} for more than ${String(bounds.killMs)} ms after its cancel`,
        );
    }
  return faults;
}
