import type { PlacementStrategy } from '../events/index.js';
import { FILTER_REASONS, filterWorker, greatestLack, type FilterReason } from './filter.js';
import { scoreWorker } from './score.js';
import type { TaskToPlace, WorkerView } from './worker-view.js';

export type Placement = {
  readonly kind: 'placed';
  /** Its `index`. */ readonly worker: number;
  readonly score: number;
};

export interface NoFit {
  readonly kind: 'no-fit';
  /** Workers counted by what keeps them out. */
  readonly reasons: Readonly<Record<FilterReason, number>>;
  /** Of the workers that lack nothing but resources the one that lacks least, and what it lacks. */
  readonly best: { readonly worker: number; readonly dimension: string } | null;
}

/** Picks a worker. Equal scores go to the first at or after the cursor; a worker that the task failed on is taken
 * only when no other fits. The strategy is the caller's unless the task names its own. */
export function place(
  task: TaskToPlace,
  workers: readonly WorkerView[],
  strategy: PlacementStrategy,
  cursor: number,
): Placement | NoFit {
  const chosen = task.spec.strategy ?? strategy;
  const demand = task.spec.resources;
  const avoid = task.avoid;
  let best: WorkerView | null = null;
  let bestScore = -1;
  let bestAvoided = true;
  // By index: this runs for every task, and an iterator costs.
  // eslint-disable-next-line @typescript-eslint/prefer-for-of -- see above
  for (let i = 0; i < workers.length; i++) {
    const worker = workers[i]!;
    if (filterWorker(task, worker) !== null) continue;
    const avoided = avoid?.has(worker.id) === true;
    if (avoided && !bestAvoided) continue;
    const score = scoreWorker(chosen, demand, worker, cursor);
    const isBetter =
      best === null ||
      (bestAvoided && !avoided) ||
      score > bestScore ||
      (score === bestScore && comesFirst(worker.index, best.index, cursor));
    if (!isBetter) continue;
    best = worker;
    bestScore = score;
    bestAvoided = avoided;
  }
  return best === null ? explain(task, workers) : { kind: 'placed', worker: best.index, score: bestScore };
}

function comesFirst(a: number, b: number, cursor: number): boolean {
  return a >= cursor === b >= cursor ? a < b : a >= cursor;
}

function explain(task: TaskToPlace, workers: readonly WorkerView[]): NoFit {
  const reasons = Object.fromEntries(FILTER_REASONS.map((reason) => [reason, 0])) as Record<
    FilterReason,
    number
  >;
  let best: NoFit['best'] = null;
  let least = Infinity;
  for (const worker of workers) {
    const reason = filterWorker(task, worker);
    if (reason === null) continue;
    reasons[reason]++;
    if (reason !== 'resources') continue;
    const { dimension, part } = greatestLack(task.spec.resources, worker.free);
    if (dimension !== null && part < least) {
      least = part;
      best = { worker: worker.index, dimension };
    }
  }
  return { kind: 'no-fit', reasons, best };
}
