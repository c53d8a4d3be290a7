import { HEARTBEAT_MS, type CapacityView, type WhyPart, type WorkerView } from '@yardmaster/contracts';
import { runtimeOf, type CellLane, type CellState, type CellWorker, type NoFit } from '@yardmaster/domain';
import type { TaskId, WorkerId } from '@yardmaster/kernel';

/** What others ask of the cell: its workers, its capacity, why a task waits. Changes nothing. */
export class CellViews {
  constructor(
    private readonly state: CellState,
    /** Time since a worker was heard, ms. */
    private readonly silentMs: (worker: WorkerId) => number,
  ) {}

  workers(): WorkerView[] {
    return this.state.workerList.map((worker) => this.worker(worker));
  }

  worker(worker: CellWorker): WorkerView {
    const used: Record<string, number> = {};
    for (const [name, amount] of Object.entries(worker.capacity))
      used[name] = amount - (worker.free[name] ?? 0);
    const silent = this.silentMs(worker.id);
    const state = worker.cordoned
      ? 'cordoned'
      : worker.healthy && silent < 3 * HEARTBEAT_MS
        ? 'healthy'
        : 'unhealthy';
    return {
      id: worker.id,
      name: worker.name,
      kind: worker.kind,
      tenant: worker.tenant,
      state,
      capacity: worker.capacity,
      used,
      handlers: [...worker.handlers],
      labels: worker.labels,
      leases: worker.leases,
      lastHeartbeatMsAgo: worker.healthy ? Math.round(silent) : null,
      gateway: worker.gateway,
    };
  }

  /** `now`: on the clock on the wall, as eligible times are. */
  capacity(now: number): CapacityView {
    const total: Record<string, number> = {};
    const used: Record<string, number> = {};
    const workers: Record<string, number> = {};
    for (const view of this.workers()) {
      workers[view.state] = (workers[view.state] ?? 0) + 1;
      for (const [name, amount] of Object.entries(view.capacity)) total[name] = (total[name] ?? 0) + amount;
      for (const [name, amount] of Object.entries(view.used)) used[name] = (used[name] ?? 0) + amount;
    }
    const waiting = [...this.state.lanes.values()]
      .filter((lane) => lane.visible > 0)
      .map((lane) => {
        const head = lane.heap.peek((entry) => entry.state !== 'visible');
        return {
          runtime: runtimeOf(lane.spec),
          count: lane.visible,
          oldestAgeMs: head === undefined ? 0 : Math.max(0, now - head.task.eligibleAt),
        };
      });
    return { total, used, workers, waiting };
  }

  /** `noFit`: what the last round said of the lanes whose head found no place. */
  why(id: TaskId, noFit: ReadonlyMap<CellLane, NoFit>): WhyPart | null {
    const entry = this.state.entries.get(id);
    if (entry?.state !== 'visible') return null;
    if (entry.alone)
      return {
        reason: 'insufficient-resources',
        detail: 'it has lost several workers and waits for one that runs nothing else',
      };
    const found = noFit.get(entry.lane);
    if (found === undefined)
      return { reason: 'lower-priority', detail: 'others of its cell go first; it is placed in a moment' };
    const count = this.state.workerList.length;
    const extra = { filters: found.reasons, workers: count };
    if (found.best === null)
      return {
        reason: 'no-worker-matches',
        detail: `none of ${String(count)} workers can run it (${runtimeOf(entry.lane.spec)})`,
        extra,
      };
    const best = this.state.workerList[found.best.worker];
    return {
      reason: 'insufficient-resources',
      detail: `waits for ${found.best.dimension}; worker ${best?.name ?? '?'} comes closest`,
      extra: { ...extra, dimension: found.best.dimension },
    };
  }
}
