import { chunksOf, compareIds, err, ok, type Result, type TaskId, type WorkflowId } from '@yardmaster/kernel';
import type {
  Claim,
  DomainEvent,
  Outcome,
  SchedulingSpec,
  TaskContent,
  TaskEvent,
  WorkflowEnd,
} from '../events/index.js';
import { sortTopologically } from '../graph/index.js';
import { couldEverRun } from '../placement/index.js';
import {
  isEnded,
  liveAttempt,
  NO_TASKS,
  type PartitionState,
  type TaskRecord,
  type WorkflowRecord,
} from './partition-state.js';
import { specKey } from './spec-key.js';

export interface DraftTask {
  readonly spec: number;
  readonly content: TaskContent;
  readonly dueAt: number | null;
  readonly needs: readonly string[];
  readonly parents: readonly number[];
}

export interface Submission {
  readonly tenant: number;
  readonly user: number;
  readonly specs: readonly SchedulingSpec[];
  readonly tasks: readonly DraftTask[];
  readonly workflow: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>> | null;
  } | null;
  readonly claim: Claim | null;
}

export type SubmitRefusal =
  | { readonly code: 'idempotency-mismatch' }
  | { readonly code: 'cycle-in-graph'; readonly cycle: readonly number[] }
  | { readonly code: 'unknown-parent'; readonly task: number; readonly parent: string }
  | { readonly code: 'parent-failed'; readonly task: number; readonly parent: string }
  | { readonly code: 'never-runnable'; readonly task: number; readonly dimension: string };

export type SubmitDecision =
  | {
      readonly kind: 'accepted';
      readonly events: readonly TaskEvent[];
      readonly ids: readonly TaskId[];
      readonly workflow: WorkflowId | null;
    }
  | { readonly kind: 'repeated'; readonly ids: readonly TaskId[]; readonly workflow: WorkflowId | null };

/** Admits tasks or says why not; all or nothing. `mint` gives fresh ids; what is due by `now` is not scheduled. */
export function decideSubmit(
  state: PartitionState,
  submission: Submission,
  mint: () => TaskId,
  now: number,
): Result<SubmitDecision, SubmitRefusal> {
  const { claim, workflow } = submission;
  if (claim !== null) {
    const known = state.claims.get(claim.key);
    if (known !== undefined) {
      if (known.body !== claim.body) return err({ code: 'idempotency-mismatch' });
      // Ids grow in the order of the submission.
      const ids = known.workflow === null ? known.ids : known.ids.toSorted(compareIds);
      return ok({ kind: 'repeated', ids, workflow: known.workflow });
    }
  }
  const misfit = neverRunnable(state, submission);
  if (misfit !== null) return err(misfit);
  const events: TaskEvent[] = [];
  const numbers = defineSpecs(state, submission.specs, events);
  return workflow === null
    ? lone(state, submission, numbers, events, mint, now)
    : graph(submission, workflow, numbers, events, mint, now);
}

function lone(
  state: PartitionState,
  s: Submission,
  numbers: readonly number[],
  events: TaskEvent[],
  mint: () => TaskId,
  now: number,
): Result<SubmitDecision, SubmitRefusal> {
  const ids = new Array<TaskId>(s.tasks.length);
  for (let i = 0; i < s.tasks.length; i++) {
    const draft = s.tasks[i]!;
    let open = 0;
    let rank = 0;
    const needs = [...new Set(draft.needs)];
    for (const parent of needs) {
      const known = state.tasks.get(parent as TaskId);
      if (known?.tenant !== s.tenant) return err({ code: 'unknown-parent', task: i, parent });
      if (known.state !== 'succeeded' && isEnded(known.state))
        return err({ code: 'parent-failed', task: i, parent });
      if (known.state !== 'succeeded') open++;
      rank = Math.max(rank, known.rank + 1);
    }
    const id = mint();
    ids[i] = id;
    events.push({
      type: 'TaskSubmitted',
      id,
      tenant: s.tenant,
      user: s.user,
      spec: numbers[draft.spec] ?? 0,
      workflow: null,
      index: -1,
      rank,
      parents: EMPTY,
      needs: needs as unknown as readonly TaskId[],
      open,
      dueAt: dueLater(draft, now),
      claim: s.claim,
      sealed: draft.content,
    });
  }
  return ok({ kind: 'accepted', events, ids, workflow: null });
}

const EMPTY: readonly number[] = [];

function graph(
  s: Submission,
  workflow: NonNullable<Submission['workflow']>,
  numbers: readonly number[],
  events: TaskEvent[],
  mint: () => TaskId,
  now: number,
): Result<SubmitDecision, SubmitRefusal> {
  const { tasks } = s;
  const sorted = sortTopologically(tasks.length, (i) => tasks[i]?.parents ?? EMPTY);
  if (!sorted.ok) return err({ code: 'cycle-in-graph', cycle: sorted.error.cycle });
  const { order, rank } = sorted.value;
  // Tasks are written in topological order; indices are places in that order.
  const place: number[] = new Array<number>(tasks.length);
  order.forEach((original, i) => {
    place[original] = i;
  });
  const id = mint() as string as WorkflowId;
  const ids = tasks.map(() => mint());
  events.push({
    type: 'WorkflowSubmitted',
    id,
    tenant: s.tenant,
    user: s.user,
    count: tasks.length,
    claim: s.claim,
    sealed: workflow,
  });
  for (const original of order) {
    const draft = tasks[original]!;
    const parents = [...new Set(draft.parents)].map((p) => place[p]!);
    events.push({
      type: 'TaskSubmitted',
      id: ids[original]!,
      tenant: s.tenant,
      user: s.user,
      spec: numbers[draft.spec] ?? 0,
      workflow: id,
      index: place[original]!,
      rank: rank[original] ?? 0,
      parents,
      needs: [],
      open: parents.length,
      dueAt: dueLater(draft, now),
      claim: null,
      sealed: draft.content,
    });
  }
  return ok({ kind: 'accepted', events, ids, workflow: id });
}

const dueLater = ({ dueAt }: DraftTask, now: number): number | null =>
  dueAt !== null && dueAt > now ? dueAt : null;

/** Numbers of the specs in this stream; defines those that are new. */
function defineSpecs(state: PartitionState, specs: readonly SchedulingSpec[], events: TaskEvent[]): number[] {
  let next = state.specs.length;
  const fresh = new Map<string, number>();
  return specs.map((spec) => {
    const key = specKey(spec);
    const known = state.specNumbers.get(key) ?? fresh.get(key);
    if (known !== undefined) return known;
    fresh.set(key, next);
    events.push({ type: 'SpecDefined', n: next, spec });
    return next++;
  });
}

function neverRunnable(state: PartitionState, s: Submission): SubmitRefusal | null {
  if (state.capacities.size === 0) return null;
  for (let n = 0; n < s.specs.length; n++) {
    const dimension = couldEverRun(s.specs[n]!, s.tenant, state.capacities.values());
    if (dimension !== null)
      return { code: 'never-runnable', task: s.tasks.findIndex((t) => t.spec === n), dimension };
  }
  return null;
}

/** The end that is due for a task, with what it releases or takes down and its workflow's end; null when none is. */
export function decideEnd(
  state: PartitionState,
  task: TaskRecord,
  now: number,
): readonly DomainEvent[] | null {
  if (isEnded(task.state)) return null;
  const last = task.attempts.at(-1);
  const isLive = liveAttempt(task) !== null;
  // Whoever asked before the attempt's end was known here gets what they asked for.
  if (task.cancelRequested && !isLive) return cancelled(task);
  if (state.toFail.has(task))
    return state.toBury.has(task) ? failed(task, 'lost', whyDead(task), true) : failed(task);
  if (isLive) return null;
  if (last?.outcome === 'ok') return succeeded(task, last.attempt, last.result, now);
  return null;
}

function succeeded(task: TaskRecord, attempt: number, result: unknown, now: number): DomainEvent[] {
  const children =
    task.children.length === 0
      ? task.children
      : task.children.filter((c) => c.state === 'blocked' && c.open === 1);
  const released = children.length === 0 ? NO_IDS : children.map((c) => c.id);
  const end: DomainEvent = {
    type: 'TaskSucceeded',
    id: task.id,
    tenant: task.tenant,
    attempt,
    released,
    sealed: result === null || result === undefined ? null : { result },
  };
  const ends = withWorkflows(end, task, 'succeeded', NO_TASKS);
  // They fell due while their parents were open.
  const due = children.filter((c) => c.dueAt !== null && c.dueAt <= now);
  return due.length === 0 ? ends : [{ type: 'TasksDue', ids: due.map((c) => c.id) }, ...ends];
}

const NO_IDS: readonly TaskId[] = [];

/**
 * Ends a task as failed, whatever is known of it, with a person's reason; null when it has ended. An attempt that may be under
 * way is fenced by the withdrawal of its lease, which is for whoever ends the task to ask for.
 */
export function decideForceEnd(task: TaskRecord, reason: string): readonly DomainEvent[] | null {
  return isEnded(task.state) ? null : failed(task, 'permanent', reason);
}

/** What a person is to do about a task that takes its workers down. */
function whyDead({ attempts }: TaskRecord): string {
  const lost = attempts.filter(({ outcome }) => outcome === 'lost');
  const workers = [...new Set(lost.map(({ worker }) => worker))].join(', ');
  return `its worker was lost ${String(lost.length)} times while it ran (${workers}), at last with nothing else on it, so it is quarantined: find out what it does to its machine (memory, disk, devices, the agent itself), mend that, and submit it again`;
}

function failed(task: TaskRecord, category?: Outcome, error?: string, isDead = false): DomainEvent[] {
  const upstreamFailed = downstreamOf(task);
  const last = task.attempts.at(-1);
  const why = error ?? last?.error ?? null;
  const end: DomainEvent = {
    type: 'TaskFailed',
    id: task.id,
    tenant: task.tenant,
    attempt: last?.attempt ?? 0,
    category: category ?? task.category ?? last?.outcome ?? 'app',
    upstreamFailed: upstreamFailed.map(({ id }) => id),
    ...(isDead ? { dead: true } : {}),
    sealed: why === null ? null : { error: why },
  };
  return withWorkflows(end, task, 'failed', upstreamFailed);
}

function cancelled(task: TaskRecord): DomainEvent[] {
  const upstreamFailed = downstreamOf(task);
  const end: DomainEvent = {
    type: 'TaskCancelled',
    id: task.id,
    tenant: task.tenant,
    upstreamFailed: upstreamFailed.map(({ id }) => id),
  };
  return withWorkflows(end, task, 'cancelled', upstreamFailed);
}

/** All open tasks that need this one, parents before children. */
function downstreamOf(task: TaskRecord): readonly TaskRecord[] {
  if (task.children.length === 0) return NO_TASKS;
  const reached = new Set<TaskRecord>();
  const stack: TaskRecord[] = [task];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    for (const child of at.children) {
      if (reached.has(child) || isEnded(child.state)) continue;
      reached.add(child);
      stack.push(child);
    }
  }
  return [...reached].sort((a, b) => a.rank - b.rank || a.index - b.index);
}

/** What ends with it, and of which workflow: a task outside may need one inside. */
function withWorkflows(
  end: DomainEvent,
  task: TaskRecord,
  as: WorkflowEnd,
  upstreamFailed: readonly TaskRecord[],
): DomainEvent[] {
  const events = [end];
  // Nearly always: nothing else ends.
  if (upstreamFailed.length === 0 && (task.workflow === null || task.workflow.open > 1)) return events;
  const ends = new Map<WorkflowRecord, WorkflowEnd[]>();
  const count = ({ workflow }: TaskRecord, how: WorkflowEnd): void => {
    if (workflow === null) return;
    const known = ends.get(workflow);
    if (known === undefined) ends.set(workflow, [how]);
    else known.push(how);
  };
  count(task, as);
  for (const one of upstreamFailed) count(one, 'failed');
  for (const [workflow, hows] of ends) {
    if (workflow.open > hows.length) continue;
    const state: WorkflowEnd =
      workflow.failed > 0 || hows.includes('failed')
        ? 'failed'
        : workflow.cancelled > 0 || hows.includes('cancelled')
          ? 'cancelled'
          : 'succeeded';
    events.push({ type: 'WorkflowEnded', id: workflow.id, tenant: workflow.tenant, state });
  }
  return events;
}

/** Ids in one event: an event is never split, and has to fit into a message. */
export const MAX_IDS = 5_000;

/** Tasks due by `now`, in submission order. */
export function decideDue(state: PartitionState, now: number): DomainEvent[] {
  const ids = state.due.due(now, (id) => isScheduled(state, id));
  return chunksOf(ids, MAX_IDS).map((part): DomainEvent => ({ type: 'TasksDue', ids: part }));
}

/** When the next scheduled task falls due; Infinity when none. */
export function nextDue(state: PartitionState): number {
  return state.due.next((id) => isScheduled(state, id));
}

function isScheduled(state: PartitionState, id: TaskId): boolean {
  return state.tasks.peek(id)?.state === 'scheduled';
}
