import type { TaskId, WorkflowId } from '@yardmaster/kernel';
import type { DomainEvent, LeaseEnded, LeaseGranted, TaskSubmitted } from '../events/index.js';
import {
  isEnded,
  liveAttempt,
  NO_ATTEMPTS,
  NO_TASKS,
  type LiveState,
  type PartitionState,
  type TaskRecord,
} from './partition-state.js';
import { specKey } from './spec-key.js';

interface Origin {
  readonly at: number;
  readonly node: string;
  readonly epoch: number;
}

/** Claims kept per partition; older ones are forgotten first. */
const MAX_CLAIMS = 1_000_000;

/** Folds one event of the partition's own stream, the queue or the leases. Total: what cannot apply is ignored. */
export function evolvePartition(state: PartitionState, event: DomainEvent, origin: Origin): void {
  switch (event.type) {
    case 'SpecDefined':
      state.specs[event.n] = event.spec;
      state.specNumbers.set(specKey(event.spec), event.n);
      return;
    case 'WorkflowSubmitted': {
      const ids: TaskId[] = [];
      state.workflows.set(event.id, {
        id: event.id,
        tenant: event.tenant,
        user: event.user,
        name: event.sealed.name,
        labels: event.sealed.labels,
        submittedAt: origin.at,
        tasks: [],
        count: event.count,
        open: event.count,
        failed: 0,
        cancelled: 0,
        state: event.count === 0 ? 'succeeded' : 'running',
        endedAt: null,
        cancelRequested: false,
        claimed: event.claim === null ? null : ids,
      });
      if (event.claim !== null)
        claim(state, event.claim.key, { body: event.claim.body, ids, workflow: event.id });
      return;
    }
    case 'TaskSubmitted':
      submitted(state, event, origin);
      return;
    case 'TasksDue':
      for (const id of event.ids) {
        const task = state.tasks.get(id);
        if (task?.state === 'scheduled') move(state, task, 'ready');
      }
      return;
    case 'CancelRequested': {
      const task = state.tasks.get(event.id);
      if (task === undefined || isEnded(task.state)) return;
      task.cancelRequested = true;
      if (liveAttempt(task) !== null) task.state = 'cancelling';
      state.toCancel.add(task);
      return;
    }
    case 'TaskSucceeded': {
      const task = state.tasks.get(event.id);
      if (task === undefined || isEnded(task.state)) return;
      task.result = event.sealed?.result ?? null;
      end(state, task, 'succeeded', origin.at);
      for (const child of task.children) {
        child.open--;
        if (child.open === 0 && child.state === 'blocked')
          move(state, child, child.dueAt !== null && child.dueAt > origin.at ? 'scheduled' : 'ready');
      }
      return;
    }
    case 'TaskFailed': {
      const task = state.tasks.get(event.id);
      if (task === undefined || isEnded(task.state)) return;
      task.error = event.sealed?.error ?? null;
      task.category = event.category;
      end(state, task, event.dead === true ? 'dead' : 'failed', origin.at);
      endUpstream(state, event.upstreamFailed, origin.at);
      return;
    }
    case 'TaskCancelled': {
      const task = state.tasks.get(event.id);
      if (task === undefined || isEnded(task.state)) return;
      end(state, task, 'cancelled', origin.at);
      endUpstream(state, event.upstreamFailed, origin.at);
      return;
    }
    case 'WorkflowEnded': {
      const workflow = state.workflows.get(event.id);
      if (workflow === undefined) return;
      workflow.state = event.state;
      workflow.endedAt = origin.at;
      return;
    }
    case 'BatchQueued':
      for (const queued of event.tasks) {
        if (queued.p !== state.partition) continue;
        const task = state.tasks.get(queued.id);
        if (task?.state === 'ready') task.state = 'queued';
      }
      return;
    case 'TaskBackedOff': {
      const task = event.p === state.partition ? state.tasks.get(event.id) : undefined;
      if (task === undefined || isEnded(task.state)) return;
      // A takeover that came between may have seen the next attempt before this.
      const last = task.attempts.at(-1);
      if (last === undefined || last.attempt <= event.attempt || last.outcome === 'void')
        task.state = 'backing_off';
      return;
    }
    case 'TasksVisible':
      for (const id of event.ids) {
        const task = state.tasks.get(id);
        if (task?.state === 'backing_off') task.state = 'queued';
      }
      return;
    case 'TasksRemoved':
      for (const id of event.ids) {
        const task = state.tasks.get(id);
        // Not ended here: it left the queue on the word of what a crash took away, or came back unrun, and waits again.
        if (
          task?.state === 'queued' ||
          task?.state === 'backing_off' ||
          (task?.state === 'running' && liveAttempt(task) === null)
        )
          task.state = 'ready';
      }
      return;
    case 'TaskGivenUp': {
      const task = event.p === state.partition ? state.tasks.get(event.id) : undefined;
      if (task === undefined || isEnded(task.state)) return;
      task.category = event.category;
      state.toFail.add(task);
      if (event.dead === true) state.toBury.add(task);
      return;
    }
    case 'LeaseGranted':
      if (event.p === state.partition) granted(state, event, origin);
      return;
    case 'LeaseEnded':
      if (event.p === state.partition) leaseEnded(state, event, origin);
      return;
    case 'WorkerJoined':
      state.sessions.set(event.worker, { gateway: event.gateway, incarnation: event.incarnation });
      state.capacities.set(event.worker, {
        kind: event.kind,
        handlers: new Set(event.handlers),
        tenant: event.tenant,
        capacity: event.capacity,
      });
      // What was handed out while it was away did not arrive; a worker that has an attempt already takes no notice.
      for (const task of state.tasks.unpacked())
        if (liveAttempt(task)?.worker === event.worker) state.toDispatch.add(task);
      return;
    default:
  }
}

function submitted(state: PartitionState, event: TaskSubmitted, origin: Origin): void {
  const spec = state.specs[event.spec];
  if (spec === undefined || state.tasks.has(event.id)) return;
  const workflow = event.workflow === null ? null : (state.workflows.get(event.workflow) ?? null);
  const parents = parentsOf(state, event, workflow?.tasks ?? []);
  const { at } = origin;
  const blocked = event.open > 0;
  const scheduled = event.dueAt !== null && event.dueAt > at;
  const task: TaskRecord = {
    id: event.id,
    tenant: event.tenant,
    user: event.user,
    spec,
    content: event.sealed,
    workflow,
    index: event.index,
    rank: event.rank,
    parents,
    dueAt: event.dueAt,
    submittedAt: at,
    admittedBy: admitter(state, origin),
    children: NO_TASKS,
    open: event.open,
    state: blocked ? 'blocked' : scheduled ? 'scheduled' : 'ready',
    cancelRequested: false,
    attempts: NO_ATTEMPTS,
    endedAt: null,
    result: null,
    error: null,
    category: null,
  };
  state.tasks.set(event.id, task);
  if (scheduled && !blocked) state.due.add(task.id, task.dueAt ?? 0);
  for (const parent of parents) {
    if (parent.children === NO_TASKS) parent.children = [task];
    else parent.children.push(task);
  }
  if (workflow !== null) {
    workflow.tasks.push(task);
    workflow.claimed?.push(event.id);
  }
  if (event.claim !== null) {
    const known = state.claims.get(event.claim.key);
    if (known === undefined)
      claim(state, event.claim.key, { body: event.claim.body, ids: [event.id], workflow: null });
    else known.ids.push(event.id);
  }
}

/** One object for all tasks of one owner's time. */
function admitter(state: PartitionState, { node, epoch }: Origin): { node: string; epoch: number } {
  if (state.admitter.node !== node || state.admitter.epoch !== epoch) state.admitter = { node, epoch };
  return state.admitter;
}

function parentsOf(
  state: PartitionState,
  event: TaskSubmitted,
  siblings: readonly TaskRecord[],
): readonly TaskRecord[] {
  if (event.parents.length === 0 && event.needs.length === 0) return NO_TASKS;
  const inside = event.parents.map((i) => siblings[i]);
  const outside = event.needs.map((id) => state.tasks.get(id));
  return [...inside, ...outside].filter((task) => task !== undefined);
}

function claim(
  state: PartitionState,
  key: string,
  record: { body: string; ids: TaskId[]; workflow: WorkflowId | null },
): void {
  state.claims.set(key, record);
  if (state.claims.size > MAX_CLAIMS) {
    const oldest = state.claims.keys().next();
    if (oldest.done !== true) state.claims.delete(oldest.value);
  }
}

function granted(state: PartitionState, event: LeaseGranted, origin: Origin): void {
  const task = state.tasks.get(event.task);
  if (task === undefined) return;
  const attempt = {
    attempt: event.attempt,
    fence: event.fence,
    worker: event.worker,
    startedAt: origin.at,
    capMs: event.capMs,
    ttlMs: event.ttlMs,
    endedAt: null,
    outcome: null,
    exitCode: null,
    error: null,
    result: null,
    checkpoint: undefined,
  };
  if (task.attempts === NO_ATTEMPTS) task.attempts = [attempt];
  else task.attempts.push(attempt);
  state.toDispatch.add(task);
  // A grant for a task that is not released rests on what a crash took away: it is withdrawn, not run.
  if (!isEnded(task.state) && task.state !== 'blocked' && task.state !== 'scheduled')
    task.state = task.cancelRequested ? 'cancelling' : 'running';
}

function leaseEnded(state: PartitionState, event: LeaseEnded, origin: Origin): void {
  const task = state.tasks.get(event.task);
  const attempt = task?.attempts.find((a) => a.fence === event.fence && a.attempt === event.attempt);
  if (task === undefined || attempt?.outcome !== null) return;
  attempt.outcome = event.outcome;
  attempt.endedAt = origin.at;
  attempt.exitCode = event.exitCode;
  attempt.error = event.sealed?.error ?? null;
  attempt.result = event.sealed?.result ?? null;
  attempt.checkpoint = event.sealed?.checkpoint;
  state.toDispatch.delete(task);
  if (isEnded(task.state)) return;
  if (event.outcome === 'ok' || task.cancelRequested) state.toSettle.add(task);
  // One that was never released stays so: the grant rested on what a crash took away.
  else if (event.outcome === 'void' && task.state !== 'blocked' && task.state !== 'scheduled')
    task.state = 'queued';
}

function move(state: PartitionState, task: TaskRecord, to: LiveState): void {
  task.state = to;
  if (to === 'scheduled') state.due.add(task.id, task.dueAt ?? 0);
}

function end(
  state: PartitionState,
  task: TaskRecord,
  to: 'succeeded' | 'failed' | 'upstream_failed' | 'cancelled' | 'dead',
  at: number,
): void {
  task.state = to;
  task.endedAt = at;
  state.toSettle.delete(task);
  state.toFail.delete(task);
  state.toBury.delete(task);
  state.toCancel.delete(task);
  state.ended.push(task);
  const { workflow } = task;
  if (workflow === null) return;
  workflow.open--;
  if (to === 'cancelled') workflow.cancelled++;
  else if (to !== 'succeeded') workflow.failed++;
}

function endUpstream(state: PartitionState, ids: readonly TaskId[], at: number): void {
  for (const id of ids) {
    const task = state.tasks.get(id);
    if (task !== undefined && !isEnded(task.state)) end(state, task, 'upstream_failed', at);
  }
}
