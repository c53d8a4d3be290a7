import type { PlacementStrategy } from '../events/index.js';
import { compareOrder } from '../order/index.js';
import { place } from '../placement/index.js';
import type { CellEntry, CellState, CellWorker } from './cell-state.js';

/**
 * Places what wants a worker for itself: the best of them on a worker that runs nothing. Where there is none it names the one to be
 * emptied, which gets nothing else until then: that with the least to end of those that it fits on. One at a time, so that few
 * suspects cost a cell at most one worker. `grant` must fold the event before it returns.
 */
export function placeAlone(
  state: CellState,
  strategy: PlacementStrategy,
  grant: (entry: CellEntry, worker: string) => void,
): CellWorker | null {
  for (const entry of [...state.alone].sort((a, b) => compareOrder(a.order, b.order))) {
    const { spec, tenant } = entry.lane;
    if (state.paused.has(spec.queue)) continue;
    // As if it were empty: what it runs ends in time.
    const fitting = state.workerList.filter((worker) => {
      if (worker.alone !== null) return false;
      const asEmpty = { ...worker, index: 0, free: { ...worker.capacity } };
      return place({ spec, tenant }, [asEmpty], strategy, 0).kind === 'placed';
    });
    // On a machine that it was not lost on, if there is one: that one may be the culprit.
    const wasLostOn = ({ id }: CellWorker): number => (entry.failedOn?.has(id) === true ? 1 : 0);
    const best = fitting.sort(
      (a, b) => wasLostOn(a) - wasLostOn(b) || a.leases - b.leases || a.index - b.index,
    )[0];
    if (best === undefined) continue;
    if (best.leases > 0) return best;
    grant(entry, best.id);
  }
  return null;
}
