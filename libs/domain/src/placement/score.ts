import type { PlacementStrategy, ResourceVector } from '../events/index.js';
import type { WorkerView } from './worker-view.js';

/** How good a worker that fits is for a task, in [0, 1]; higher is better. `cursor` is the index at which round
 * robin goes on. */
export function scoreWorker(
  strategy: PlacementStrategy,
  demand: ResourceVector,
  worker: WorkerView,
  cursor: number,
): number {
  switch (strategy) {
    case 'bin-pack':
      return usedAfter(demand, worker);
    case 'spread':
      return 1 - usedAfter(demand, worker);
    case 'least-loaded':
      return 1 - (usedAfter(demand, worker) + within01(worker.load)) / 2;
    case 'round-robin':
      return turn(worker.index, cursor);
  }
}

/** Mean part of the demanded dimensions in use once the task is there. */
function usedAfter(demand: ResourceVector, worker: WorkerView): number {
  let sum = 0;
  let dimensions = 0;
  for (const name in demand) {
    const whole = worker.capacity[name] ?? 0;
    if (whole <= 0) continue;
    sum += 1 - ((worker.free[name] ?? 0) - demand[name]!) / whole;
    dimensions++;
  }
  // A task that asks for nothing still is one more on the worker.
  if (dimensions === 0) return (worker.leases + 1) / (worker.leases + 2);
  return within01(sum / dimensions);
}

/** 1 at the cursor, falling with every step away from it, coming round at the end. */
function turn(index: number, cursor: number): number {
  return index >= cursor ? 0.5 + 0.5 / (1 + index - cursor) : 0.5 / (1 + index);
}

function within01(part: number): number {
  return part > 0 ? (part < 1 ? part : 1) : 0;
}
