import { chunksOf, type TaskId } from '@yardmaster/kernel';
import type { DomainEvent, QueuedTask, QueueEvent, SchedulingSpec, TasksRemoved } from '../events/index.js';
import { afterFailure, isCorrelated, isSuspect, longestWaitMs, type WorkerLoss } from '../retry/index.js';
import { MAX_IDS } from '../task/partition.decide.js';
import type { QueueEntry, QueueState } from './queue-state.js';

export interface Push {
  readonly batcherEpoch: number;
  readonly specs: readonly SchedulingSpec[];
  readonly tasks: readonly {
    readonly id: TaskId;
    readonly p: number;
    readonly tenant: number;
    readonly spec: number;
    readonly eligibleAt: number;
  }[];
}

/** Queues what the batcher pushed; ids already held are left out, a batcher of an older epoch is refused whole. */
export function decidePush(
  state: QueueState,
  push: Push,
  specKeyOf: (spec: SchedulingSpec) => string,
): readonly QueueEvent[] {
  if (push.batcherEpoch < state.batcherEpoch) return [];
  const events: QueueEvent[] = [];
  let next = state.classes.length;
  const fresh = new Map<string, number>();
  const numbers = push.specs.map((spec) => {
    const key = specKeyOf(spec);
    const known = state.classNumbers.get(key) ?? fresh.get(key);
    if (known !== undefined) return known;
    fresh.set(key, next);
    events.push({ type: 'ClassDefined', n: next, spec });
    return next++;
  });
  const tasks: QueuedTask[] = [];
  for (const t of push.tasks) {
    if (!state.entries.has(t.id))
      tasks.push({ id: t.id, p: t.p, tenant: t.tenant, cls: numbers[t.spec] ?? 0, eligibleAt: t.eligibleAt });
  }
  if (tasks.length === 0) return [];
  events.push({ type: 'BatchQueued', batch: state.batches + 1, batcherEpoch: push.batcherEpoch, tasks });
  return events;
}

/**
 * What follows a failed attempt: back off, or give the task up. Pure: the fold of the answer counts the attempt. One that lost
 * its worker again and again is tried alone, and given up for good when that goes wrong too; not so while `workerLosses` is null:
 * programs of feature level 1 know nothing of that.
 */
export function decideFailure(
  entry: QueueEntry,
  now: number,
  rand: number,
  workerLosses: readonly WorkerLoss[] | null = [],
): DomainEvent | null {
  const { failure, task } = entry;
  if (failure === null) return null;
  const isCounted = entry.countedAttempt >= entry.attempt;
  // Its owner ended or cancelled it: it leaves the queue, that is all.
  if (failure === 'cancelled' || (failure === 'withdrawn' && !isCounted))
    return { type: 'TasksRemoved', ids: [task.id], why: failure };
  // The end of that attempt was lost in a crash and came in again, or was withdrawn for that: it keeps its count.
  if (isCounted)
    return {
      type: 'TaskBackedOff',
      id: task.id,
      p: task.p,
      attempt: entry.attempt,
      category: failure,
      until: entry.until - now > longestWait(entry) ? now : Math.max(now, entry.until),
    };
  const after = afterFailure({
    policy: entry.spec.retry,
    counted: entry.counted,
    infra: entry.infra,
    outcome: failure,
    retryAfterMs: entry.retryAfterMs,
    rand,
  });
  const losses = failure === 'lost' && workerLosses !== null ? (entry.losses ?? []) : [];
  if (entry.alone && losses.length > 0 && !isCorrelated(workerLosses ?? [], losses.at(-1) ?? 0))
    return {
      type: 'TaskGivenUp',
      id: task.id,
      p: task.p,
      attempt: entry.attempt,
      category: failure,
      dead: true,
    };
  if (after.kind === 'give-up')
    return { type: 'TaskGivenUp', id: task.id, p: task.p, attempt: entry.attempt, category: failure };
  return {
    type: 'TaskBackedOff',
    id: task.id,
    p: task.p,
    attempt: entry.attempt,
    category: failure,
    until: now + after.delayMs,
    ...(isSuspect(losses, workerLosses ?? []) ? { alone: true } : {}),
  };
}

/** Tasks that leave the queue. */
export function decideRemove(ids: readonly TaskId[], why: TasksRemoved['why']): readonly QueueEvent[] {
  return chunksOf(ids, MAX_IDS).map((part): QueueEvent => ({ type: 'TasksRemoved', ids: part, why }));
}

/**
 * Tasks whose backing off is over; also those that would wait for longer than they ever have to: whoever wrote their time
 * had a clock that was ahead.
 */
export function decideVisible(state: QueueState, now: number): readonly QueueEvent[] {
  const ids: TaskId[] = [];
  for (const entry of state.backingOff)
    if (entry.until <= now || entry.until - now > longestWait(entry)) ids.push(entry.task.id);
  return chunksOf(ids, MAX_IDS).map((part): QueueEvent => ({ type: 'TasksVisible', ids: part }));
}

/** A worker may ask for a longer wait than the policy knows. */
function longestWait({ spec, retryAfterMs }: QueueEntry): number {
  return Math.max(longestWaitMs(spec.retry), retryAfterMs);
}

export function nextVisible(state: QueueState): number {
  let next = Infinity;
  for (const entry of state.backingOff) next = Math.min(next, entry.until);
  return next;
}
