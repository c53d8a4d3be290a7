import type { AroundView, AttemptView, EndNotice, TaskView, Work, WorkflowView } from '@yardmaster/contracts';
import {
  type AttemptRecord,
  isEnded,
  type Neighbourhood,
  type TaskRecord,
  type WorkflowRecord,
} from '@yardmaster/domain';

/** `progress` is that of the attempt that runs now. */
export function viewTask(task: TaskRecord, progress: number | null): TaskView {
  return {
    id: task.id,
    tenant: task.tenant,
    userId: task.user,
    state: task.state,
    workflow: task.workflow?.id ?? null,
    content: task.content,
    spec: task.spec,
    dueAt: task.dueAt,
    parents: task.parents.map((p) => p.id),
    submittedAt: task.submittedAt,
    startedAt: task.attempts[0]?.startedAt ?? null,
    endedAt: task.endedAt,
    attempts: task.attempts.map((a) => viewAttempt(a, a.outcome === null ? progress : null)),
    result: task.result,
    error: task.error,
    category: task.category,
    admittedBy: { node: task.admittedBy.node, epoch: task.admittedBy.epoch },
    waitReason: waitReason(task),
  };
}

function viewAttempt(a: AttemptRecord, progress: number | null): AttemptView {
  return {
    attempt: a.attempt,
    worker: a.worker,
    fence: a.fence,
    startedAt: a.startedAt,
    endedAt: a.endedAt,
    outcome: a.outcome,
    exitCode: a.exitCode,
    error: a.error,
    progress,
  };
}

/** The owner's part of "why does it wait?"; the queue and the resource manager know more of queued tasks. */
function waitReason(task: TaskRecord): string | null {
  switch (task.state) {
    case 'scheduled':
      return 'not-due';
    case 'blocked':
      return 'blocked-by-parents';
    case 'ready':
      return 'awaiting-batch';
    case 'queued':
      return 'insufficient-resources';
    case 'backing_off':
      return 'backing-off';
    default:
      return null;
  }
}

export function viewWorkflow(w: WorkflowRecord): WorkflowView {
  const counts: Record<string, number> = {};
  for (const task of w.tasks) counts[task.state] = (counts[task.state] ?? 0) + 1;
  return {
    id: w.id,
    tenant: w.tenant,
    userId: w.user,
    name: w.name,
    labels: w.labels,
    state: w.state,
    submittedAt: w.submittedAt,
    endedAt: w.endedAt,
    counts,
    tasks: w.tasks.map((t) => ({
      id: t.id,
      key: t.content.key ?? t.content.name,
      name: t.content.name,
      state: t.state,
      rank: t.rank,
      parents: t.parents.map((p) => p.index),
    })),
  };
}

export function viewAround({ tasks, edges }: Neighbourhood): AroundView {
  return {
    tasks: tasks.map(({ id, tenant, workflow, content, rank, state }) => ({
      id,
      tenant,
      workflow: workflow?.id ?? null,
      key: content.key,
      name: content.name,
      rank,
      state,
    })),
    edges,
  };
}

export function endOfTask(task: TaskRecord): EndNotice {
  return [task.id, task.tenant, task.state, task.result, task.error, task.endedAt ?? 0];
}

/** What the worker needs to run the attempt. `now` turns the cap into remaining time. */
export function workOf(
  task: TaskRecord,
  attempt: AttemptRecord,
  now: number,
  traceparent: string | null,
): Work {
  const checkpoint = lastCheckpoint(task);
  return {
    kind: task.spec.kind,
    tenant: task.tenant,
    name: task.content.name,
    handler: task.spec.handler,
    run: task.content.run,
    capMs: Math.max(0, attempt.startedAt + attempt.capMs - now),
    parents: resultsOfParents(task),
    traceparent,
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(attempt.ttlMs === undefined ? {} : { leaseTtlMs: attempt.ttlMs }),
  };
}

/** Of the latest attempt that left one. */
function lastCheckpoint({ attempts }: TaskRecord): unknown {
  return attempts.length < 2 ? undefined : attempts.findLast((a) => a.checkpoint !== undefined)?.checkpoint;
}

function resultsOfParents(task: TaskRecord): Record<string, unknown> | null {
  if (task.parents.length === 0) return null;
  const results: Record<string, unknown> = {};
  for (const parent of task.parents)
    if (isEnded(parent.state)) results[parent.content.key ?? parent.id] = parent.result ?? null;
  return results;
}
