import type { TaskId } from '@yardmaster/kernel';
import type {
  BatchQueued,
  DomainEvent,
  LeaseEnded,
  Outcome,
  QueuedTask,
  SchedulingSpec,
} from '../events/index.js';
import { COST_OF, noteLoss, type WorkerLoss } from '../retry/index.js';

export interface QueueEntry {
  readonly task: QueuedTask;
  readonly spec: SchedulingSpec;
  state: 'visible' | 'leased' | 'backing_off' | 'done';
  /** Number of the last attempt. */
  attempt: number;
  /** Last attempt whose failure was counted: each counts once. */
  countedAttempt: number;
  /** Attempts that used up maxAttempts, and losses. */
  counted: number;
  infra: number;
  /** When a backing off task becomes visible again. */
  until: number;
  /** Failed, not yet decided upon. */
  failure: Outcome | null;
  /** What the failed attempt asked to wait before the next. */
  retryAfterMs: number;
  /** When attempts of it were lost with their workers; null = never. */
  losses: number[] | null;
  /** Runs with nothing else on its worker from now on. */
  alone: boolean;
}

export interface QueueDepth {
  visible: number;
  leased: number;
  backingOff: number;
}

/** What the queue manager knows of one cell: the queued tasks only, each until it succeeds or is given up. */
export class QueueState {
  readonly classes: SchedulingSpec[] = [];
  readonly classNumbers = new Map<string, number>();
  readonly entries = new Map<TaskId, QueueEntry>();
  readonly paused = new Set<string>();
  /** Lease times of queues that name one, ms. */
  readonly leaseTtls = new Map<string, number>();
  readonly depths = new Map<string, QueueDepth>();
  /** Failed attempts to decide upon. */
  readonly toDecide = new Set<QueueEntry>();
  /** Owner ended it while it was queued: to be removed. */
  readonly toRemove = new Set<TaskId>();
  readonly backingOff = new Set<QueueEntry>();
  /** Workers that were lost of late while they held leases, oldest first. */
  readonly workerLosses: WorkerLoss[] = [];
  batches = 0;
  batcherEpoch = 0;
  /** While restoring: tasks that the log says were ready; what is queued and not among them rests on a lost cause. */
  audit: Set<TaskId> | null = new Set();
}

/** Ends the audit of a restore: tasks that are queued though the log does not say that they were ever ready. */
export function endAudit(state: QueueState): TaskId[] {
  const { audit } = state;
  state.audit = null;
  return audit === null ? [] : [...state.entries.keys()].filter((id) => !audit.has(id));
}

export function evolveQueue(
  state: QueueState,
  event: DomainEvent,
  specKeyOf: (spec: SchedulingSpec) => string,
  at: number,
): void {
  switch (event.type) {
    case 'ClassDefined':
      state.classes[event.n] = event.spec;
      state.classNumbers.set(specKeyOf(event.spec), event.n);
      return;
    case 'BatchQueued':
      batchQueued(state, event);
      return;
    case 'TaskBackedOff': {
      const entry = state.entries.get(event.id);
      if (entry === undefined) return;
      state.toDecide.delete(entry);
      if (event.attempt > entry.countedAttempt) countFailure(entry, event.category);
      entry.countedAttempt = event.attempt;
      count(state, entry, 'backing_off');
      entry.until = event.until;
      entry.failure = null;
      if (event.alone === true) entry.alone = true;
      state.backingOff.add(entry);
      return;
    }
    case 'TasksVisible':
      for (const id of event.ids) {
        const entry = state.entries.get(id);
        if (entry === undefined) continue;
        state.backingOff.delete(entry);
        count(state, entry, 'visible');
      }
      return;
    case 'TaskGivenUp':
      drop(state, event.id);
      return;
    case 'TasksRemoved':
      for (const id of event.ids) {
        if (state.toRemove.has(id)) state.audit?.delete(id);
        drop(state, id);
      }
      return;
    case 'QueuePaused':
      if (event.paused) state.paused.add(event.queue);
      else state.paused.delete(event.queue);
      return;
    case 'QueueLeaseTtlSet':
      if (event.ttlMs === null) state.leaseTtls.delete(event.queue);
      else state.leaseTtls.set(event.queue, event.ttlMs);
      return;
    case 'LeaseGranted': {
      const entry = state.entries.get(event.task);
      // Granted on the word of what a crash took away: it ends as void, and the attempt before it keeps its end.
      if (entry?.state !== 'visible') return;
      entry.attempt = event.attempt;
      count(state, entry, 'leased');
      return;
    }
    case 'LeaseEnded':
      leaseEnded(state, event, at);
      return;
    case 'TaskSubmitted':
      if (event.open === 0) state.audit?.add(event.id);
      return;
    case 'TaskSucceeded':
      if (state.audit !== null) for (const id of event.released) state.audit.add(id);
      ended(state, event.id);
      return;
    case 'TaskFailed':
    case 'TaskCancelled':
      ended(state, event.id);
      return;
    default:
  }
}

function batchQueued(state: QueueState, event: BatchQueued): void {
  state.batches = event.batch;
  state.batcherEpoch = Math.max(state.batcherEpoch, event.batcherEpoch);
  for (const task of event.tasks) {
    const spec = state.classes[task.cls];
    if (spec === undefined || state.entries.has(task.id)) continue;
    const entry: QueueEntry = {
      task,
      spec,
      state: 'visible',
      attempt: 0,
      countedAttempt: 0,
      counted: 0,
      infra: 0,
      until: 0,
      failure: null,
      retryAfterMs: 0,
      losses: null,
      alone: false,
    };
    state.entries.set(task.id, entry);
    depthOf(state, spec.queue).visible++;
  }
}

/** Its owner ended it. One that is still queued leaves by an event, so that the resource manager hears of it too. */
function ended(state: QueueState, id: TaskId): void {
  const entry = state.entries.get(id);
  if (entry !== undefined && entry.state !== 'done') {
    state.toRemove.add(id);
    return;
  }
  // It is not queued again: a fold that goes on for ever keeps nothing of it.
  state.audit?.delete(id);
  if (entry !== undefined) drop(state, id);
}

function leaseEnded(state: QueueState, event: LeaseEnded, at: number): void {
  if (event.outcome === 'lost') noteLoss(state.workerLosses, { worker: event.worker, at });
  const entry = state.entries.get(event.task);
  if (entry?.attempt !== event.attempt) return;
  if (event.outcome === 'ok') {
    count(state, entry, 'done');
    return;
  }
  if (event.outcome === 'lost') (entry.losses ??= []).push(at);
  entry.failure = event.outcome;
  entry.retryAfterMs = event.retryAfterMs ?? 0;
  state.toDecide.add(entry);
}

function countFailure(entry: QueueEntry, category: Outcome): void {
  if (category === 'ok') return;
  const cost = COST_OF[category];
  if (cost === 'attempts') entry.counted++;
  else if (cost === 'infra') entry.infra++;
}

export function depthOf(state: QueueState, queue: string): QueueDepth {
  let depth = state.depths.get(queue);
  if (depth === undefined) state.depths.set(queue, (depth = { visible: 0, leased: 0, backingOff: 0 }));
  return depth;
}

function count(state: QueueState, entry: QueueEntry, to: QueueEntry['state']): void {
  const depth = depthOf(state, entry.spec.queue);
  if (entry.state === 'visible') depth.visible--;
  else if (entry.state === 'leased') depth.leased--;
  else if (entry.state === 'backing_off') depth.backingOff--;
  if (to === 'visible') depth.visible++;
  else if (to === 'leased') depth.leased++;
  else if (to === 'backing_off') depth.backingOff++;
  entry.state = to;
}

function drop(state: QueueState, id: TaskId): void {
  const entry = state.entries.get(id);
  state.toRemove.delete(id);
  if (entry === undefined) return;
  count(state, entry, 'done');
  state.entries.delete(id);
  state.toDecide.delete(entry);
  state.backingOff.delete(entry);
}
