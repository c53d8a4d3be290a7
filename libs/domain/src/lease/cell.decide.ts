import type {
  DomainEvent,
  LeaseEnded,
  LeaseGranted,
  Outcome,
  PlacementStrategy,
  Usage,
} from '../events/index.js';
import { compareOrder } from '../order/index.js';
import { place, type NoFit } from '../placement/index.js';
import type { CellEntry, CellLane, CellState, CellWorker, Lease } from './cell-state.js';
import { placeAlone } from './place-alone.js';
import { LEASE_TTL_MS } from './lease-ttl.js';

const isNotVisible = (entry: CellEntry): boolean => entry.state !== 'visible';

/**
 * One round of placement: the best visible task of all lanes first; a lane whose head fits nowhere is left for this round, so
 * that what cannot be placed delays what can by one look. `grant` must fold the event before it returns.
 */
export function placeRound(
  state: CellState,
  strategy: PlacementStrategy,
  cursor: { value: number },
  grant: (entry: CellEntry, worker: string, score: number) => void,
  onNoFit: (lane: CellLane, noFit: NoFit) => void,
  limit: number,
): number {
  // Suspects go first: they are few, and each has cost workers already.
  let granted = 0;
  const emptied =
    state.alone.size === 0
      ? null
      : placeAlone(state, strategy, (entry, worker) => {
          grant(entry, worker, 1);
          granted++;
        });
  const workers = othersThan(state, emptied);
  const open: CellLane[] = [];
  for (const lane of state.lanes.values())
    if (lane.visible > 0 && !state.paused.has(lane.spec.queue)) open.push(lane);
  while (open.length > 0 && granted < limit) {
    const i = open.length === 1 ? 0 : bestLane(open);
    const lane = open[i]!;
    const entry = lane.heap.peek(isNotVisible);
    if (entry === undefined) {
      open.splice(i, 1);
      continue;
    }
    const task = {
      spec: lane.spec,
      tenant: lane.tenant,
      ...(entry.failedOn === null ? {} : { avoid: entry.failedOn }),
    };
    const placement = place(task, workers, strategy, cursor.value);
    if (placement.kind === 'no-fit') {
      onNoFit(lane, placement);
      open.splice(i, 1);
      continue;
    }
    lane.heap.pop(isNotVisible);
    cursor.value = placement.worker + 1;
    grant(entry, (state.workerList[placement.worker] as { id: string }).id, placement.score);
    granted++;
  }
  return granted;
}

/** All but those that one task has, or is to have, for itself. */
function othersThan({ workerList }: CellState, emptied: CellWorker | null): readonly CellWorker[] {
  return emptied === null && !workerList.some(({ alone }) => alone !== null)
    ? workerList
    : workerList.filter((worker) => worker !== emptied && worker.alone === null);
}

function bestLane(open: readonly CellLane[]): number {
  let best = 0;
  let head: CellEntry | undefined;
  for (let i = 0; i < open.length; i++) {
    const candidate = open[i]?.heap.peek(isNotVisible);
    if (candidate === undefined) return i;
    if (head === undefined || compareOrder(candidate.order, head.order) < 0) {
      best = i;
      head = candidate;
    }
  }
  return best;
}

/** Fences never repeat: epoch * 2^32 + n, below 2^53. */
export function fenceOf(epoch: number, n: number): number {
  return epoch * 0x1_0000_0000 + n;
}

/** `queueTtls`: lease times of queues, for tasks that name none themselves. */
export function grantOf(
  entry: CellEntry,
  worker: Lease['worker'],
  fence: number,
  queueTtls: ReadonlyMap<string, number>,
): LeaseGranted {
  const { task, lane } = entry;
  const ttlMs = lane.spec.leaseTtlMs ?? queueTtls.get(lane.spec.queue);
  return {
    type: 'LeaseGranted',
    task: task.id,
    p: task.p,
    tenant: task.tenant,
    cls: task.cls,
    attempt: entry.attempts + 1,
    fence,
    worker,
    capMs: lane.spec.capMs,
    ...(ttlMs === undefined || ttlMs === LEASE_TTL_MS ? {} : { ttlMs }),
  };
}

export interface EndOfLease {
  readonly outcome: Outcome;
  readonly exitCode?: number | null;
  readonly usage?: Usage | null;
  readonly result?: unknown;
  readonly error?: string | null;
  readonly retryAfterMs?: number | undefined;
  /** Undefined = the attempt kept none. */
  readonly checkpoint?: unknown;
}

export function endOf(
  lease: Pick<Lease, 'task' | 'p' | 'tenant' | 'attempt' | 'fence' | 'worker'>,
  end: EndOfLease,
): LeaseEnded {
  const hasContent =
    (end.result !== undefined && end.result !== null) || end.error != null || end.checkpoint !== undefined;
  return {
    type: 'LeaseEnded',
    task: lease.task,
    p: lease.p,
    tenant: lease.tenant,
    attempt: lease.attempt,
    fence: lease.fence,
    worker: lease.worker,
    outcome: end.outcome,
    exitCode: end.exitCode ?? null,
    usage: end.usage ?? null,
    ...(end.retryAfterMs === undefined ? {} : { retryAfterMs: end.retryAfterMs }),
    sealed: hasContent
      ? {
          ...(end.result === undefined ? {} : { result: end.result }),
          ...(end.error == null ? {} : { error: end.error }),
          ...(end.checkpoint === undefined ? {} : { checkpoint: end.checkpoint }),
        }
      : null,
  };
}

/** Leases whose task the queue does not know, or did not show when they were granted: their cause was lost in a crash. */
export function voidLeases(state: CellState): DomainEvent[] {
  const events: DomainEvent[] = [];
  for (const lease of state.leases.values())
    if (lease.isOrphan || !state.entries.has(lease.task)) events.push(endOf(lease, { outcome: 'void' }));
  return events;
}
