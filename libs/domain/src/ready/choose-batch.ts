import type { SchedulingSpec } from '../events/index.js';
import { compareOrder } from '../order/index.js';
import type { Lane, ReadySet, ReadyTask } from './ready-set.js';

/** How many tasks of a class the resource manager wants in the queue; at least 1, so that it sees what it can't place. */
export type WantedDepth = (spec: SchedulingSpec, tenant: number) => number;

/**
 * The next tasks for the queue, best first: among lanes below their wanted depth, the tenant with the fewest queued tasks,
 * and its best task by the order key. Marks them as pushed. At most `limit`.
 */
export function chooseBatch(set: ReadySet, wanted: WantedDepth, limit: number): ReadyTask[] {
  const batch: ReadyTask[] = [];
  if (set.waiting === 0) return batch;
  const open: { lane: Lane; room: number }[] = [];
  for (const lane of set.lanes.values()) {
    if (lane.waiting === 0) continue;
    const room = Math.max(1, wanted(lane.spec, lane.tenant)) - lane.depth;
    if (room > 0) open.push({ lane, room });
  }
  while (batch.length < limit && open.length > 0) {
    const i = open.length === 1 ? 0 : bestLane(set, open);
    const entry = open[i];
    const task = entry === undefined ? undefined : set.takeFirst(entry.lane);
    if (entry === undefined || task === undefined) {
      open.splice(i, 1);
      continue;
    }
    set.pushed(task);
    batch.push(task);
    if (--entry.room === 0 || entry.lane.waiting === 0) open.splice(i, 1);
  }
  return batch;
}

function bestLane(set: ReadySet, open: readonly { lane: Lane }[]): number {
  let best = 0;
  let bestHead: ReadyTask | undefined;
  for (let i = 0; i < open.length; i++) {
    const lane = open[i]?.lane;
    const head = lane === undefined ? undefined : set.first(lane);
    if (head === undefined) return i;
    if (bestHead === undefined || goesFirst(set, head, bestHead)) {
      best = i;
      bestHead = head;
    }
  }
  return best;
}

function goesFirst(set: ReadySet, a: ReadyTask, b: ReadyTask): boolean {
  if (a.order.classRank !== b.order.classRank) return a.order.classRank > b.order.classRank;
  if (a.tenant !== b.tenant) {
    const share = (set.tenantDepth.get(a.tenant) ?? 0) - (set.tenantDepth.get(b.tenant) ?? 0);
    if (share !== 0) return share < 0;
  }
  return compareOrder(a.order, b.order) < 0;
}
