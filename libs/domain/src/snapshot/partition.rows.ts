import { chunksOf, type TaskId, type WorkerId, type WorkflowId } from '@yardmaster/kernel';
import type { Outcome, SchedulingSpec, TaskContent, WorkflowEnd } from '../events/index.js';
import {
  isEnded,
  NO_ATTEMPTS,
  NO_TASKS,
  type AttemptRecord,
  type LiveState,
  type PartitionState,
  type TaskRecord,
  type WorkflowRecord,
} from '../task/partition-state.js';
import { specKey } from '../task/spec-key.js';
import { IDS_IN_ROW, type SnapshotRow } from './row.js';

/** Ended tasks that a snapshot keeps, as its owner keeps them in memory. */
export const KEEP_ENDED_MS = 600_000;

/** Content whose tenant's key is gone. */
const ERASED: TaskContent = {
  name: '(erased)',
  key: null,
  labels: null,
  run: { script: null, scriptHash: null, command: null, args: null, env: null, input: null },
};

/** Sets of tasks, each with its bit; that of what is scheduled is told by its state. */
const SETS = [
  ['toSettle', 1],
  ['toFail', 2],
  ['toDispatch', 4],
  ['toCancel', 8],
  ['toBury', 32],
] as const;
const SCHEDULED = 16;

/** What the owner of a partition knows, without what ended long before `at`: owners forget that too. */
export function* partitionRows(state: PartitionState, at: number): Generator<SnapshotRow> {
  const kept = keptTasks(state, at);
  const specs = new Map<SchedulingSpec, number>();
  for (const [n, spec] of state.specs.entries()) {
    specs.set(spec, n);
    yield { fields: ['spec', n, spec] };
  }
  for (const workflow of state.workflows.values())
    if (isKeptWorkflow(workflow, kept)) yield workflowRow(workflow);
  for (const [key, { body, ids, workflow }] of state.claims)
    yield { fields: ['claim', key, body, ids, workflow] };
  const admitters = new Map<object, number>();
  for (const task of state.tasks.values()) {
    // What is packed waits, and has neither parents nor children.
    if (state.tasks.owns(task) && !kept.has(task)) continue;
    if (!admitters.has(task.admittedBy)) {
      admitters.set(task.admittedBy, admitters.size);
      yield { fields: ['admitter', task.admittedBy.node, task.admittedBy.epoch] };
    }
    yield taskRow(state, task, specs.get(task.spec) ?? 0, admitters.get(task.admittedBy) ?? 0, kept);
  }
  const ended = state.ended.slice(state.endedHead).filter((task) => kept.has(task));
  for (const part of chunksOf(ended, IDS_IN_ROW)) yield { fields: ['ended', part.map(({ id }) => id)] };
  for (const [worker, { gateway, incarnation }] of state.sessions)
    yield { fields: ['session', worker, gateway, incarnation] };
  for (const [worker, { kind, handlers, tenant, capacity }] of state.capacities)
    yield { fields: ['capacity', worker, kind, [...(handlers ?? [])], tenant, capacity] };
}

/**
 * Tasks that have not ended or did so of late, and parents whose end one of those may still be asked about. A workflow is kept
 * whole or not at all. Children come after their parents in the map, so one look from its end is enough.
 */
function keptTasks(state: PartitionState, at: number): Set<TaskRecord> {
  const isFresh = (endedAt: number | null): boolean => endedAt === null || at - endedAt < KEEP_ENDED_MS;
  const kept = new Set<TaskRecord>();
  const keep = ({ workflow }: TaskRecord, task: TaskRecord): void => {
    if (workflow === null) kept.add(task);
    else for (const one of workflow.tasks) kept.add(one);
  };
  for (const task of [...state.tasks.unpacked()].reverse()) {
    const { workflow } = task;
    const isLive = workflow === null ? !isEnded(task.state) : workflow.open > 0;
    const isOwn = isLive || isFresh(workflow === null ? task.endedAt : workflow.endedAt);
    if (isOwn) keep(task, task);
    if (isOwn) for (const parent of task.parents) keep(parent, parent);
  }
  return kept;
}

/** One without tasks has nothing that could keep it. */
function isKeptWorkflow({ tasks, count }: WorkflowRecord, kept: ReadonlySet<TaskRecord>): boolean {
  return count === 0 || tasks.some((task) => kept.has(task));
}

function workflowRow(w: WorkflowRecord): SnapshotRow {
  return {
    fields: [
      'workflow',
      w.id,
      w.tenant,
      w.user,
      w.submittedAt,
      w.count,
      w.open,
      w.failed,
      w.cancelled,
      w.state,
      w.endedAt,
      w.cancelRequested,
      w.claimed,
    ],
    tenant: w.tenant,
    sealed: [w.name, w.labels],
  };
}

function taskRow(
  state: PartitionState,
  t: TaskRecord,
  spec: number,
  admitter: number,
  kept: ReadonlySet<TaskRecord>,
): SnapshotRow {
  let sets = 0;
  for (const [name, bit] of SETS) if (state[name].has(t)) sets |= bit;
  if (t.state === 'scheduled') sets |= SCHEDULED;
  return {
    fields: [
      'task',
      t.id,
      t.tenant,
      t.user,
      spec,
      t.workflow?.id ?? null,
      t.index,
      t.rank,
      t.parents.filter((parent) => kept.has(parent)).map(({ id }) => id),
      t.dueAt,
      t.submittedAt,
      admitter,
      t.open,
      t.state,
      t.cancelRequested,
      t.attempts.map((a) => [
        a.attempt,
        a.fence,
        a.worker,
        a.startedAt,
        a.capMs,
        a.endedAt,
        a.outcome,
        a.exitCode,
        ...(a.ttlMs === undefined ? [] : [a.ttlMs]),
      ]),
      t.endedAt,
      t.category,
      sets,
    ],
    tenant: t.tenant,
    sealed: [
      contentFields(t.content),
      t.result,
      t.error,
      t.attempts.map((a) =>
        a.checkpoint === undefined ? [a.error, a.result] : [a.error, a.result, a.checkpoint],
      ),
    ],
  };
}

function contentFields({ name, key, labels, run }: TaskContent): unknown[] {
  return [name, key, labels, run.script, run.scriptHash, run.command, run.args, run.env, run.input];
}

function contentOf(f: readonly unknown[] | undefined): TaskContent {
  if (f === undefined) return ERASED;
  return {
    name: f[0] as string,
    key: f[1] as string | null,
    labels: f[2] as TaskContent['labels'],
    run: {
      script: f[3] as string | null,
      scriptHash: f[4] as string | null,
      command: f[5] as readonly string[] | null,
      args: f[6] as readonly string[] | null,
      env: f[7] as TaskContent['run']['env'],
      input: f[8],
    },
  };
}

/** Reads rows, in their order, into a state that knows nothing yet. */
export class PartitionRowReader {
  private readonly state: PartitionState;
  readonly #admitters: { readonly node: string; readonly epoch: number }[] = [];

  constructor(state: PartitionState) {
    this.state = state;
  }

  read({ fields: f, sealed }: SnapshotRow): void {
    const { state } = this;
    switch (f[0]) {
      case 'spec': {
        const spec = f[2] as SchedulingSpec;
        state.specs[f[1] as number] = spec;
        state.specNumbers.set(specKey(spec), f[1] as number);
        return;
      }
      case 'workflow':
        this.#workflow(f, sealed as readonly unknown[] | null);
        return;
      case 'claim': {
        const workflow = f[4] as WorkflowId | null;
        // The workflow's own list and its claim's are one.
        const shared = workflow === null ? null : state.workflows.get(workflow)?.claimed;
        state.claims.set(f[1] as string, {
          body: f[2] as string,
          ids: shared ?? (f[3] as TaskId[]),
          workflow,
        });
        return;
      }
      case 'admitter':
        state.admitter = { node: f[1] as string, epoch: f[2] as number };
        this.#admitters.push(state.admitter);
        return;
      case 'task':
        this.#task(f, sealed as readonly unknown[] | null);
        return;
      case 'ended':
        for (const id of f[1] as readonly TaskId[]) {
          const task = state.tasks.get(id);
          if (task !== undefined) state.ended.push(task);
        }
        return;
      case 'session':
        state.sessions.set(f[1] as WorkerId, { gateway: f[2] as string, incarnation: f[3] as string });
        return;
      case 'capacity':
        state.capacities.set(f[1] as WorkerId, {
          kind: f[2] as 'agent' | 'sdk',
          handlers: new Set(f[3] as readonly string[]),
          tenant: f[4] as number | null,
          capacity: f[5] as Readonly<Record<string, number>>,
        });
    }
  }

  #workflow(f: readonly unknown[], sealed: readonly unknown[] | null): void {
    const id = f[1] as WorkflowId;
    this.state.workflows.set(id, {
      id,
      tenant: f[2] as number,
      user: f[3] as number,
      name: (sealed?.[0] as string | undefined) ?? ERASED.name,
      labels: (sealed?.[1] as WorkflowRecord['labels'] | undefined) ?? null,
      submittedAt: f[4] as number,
      tasks: [],
      count: f[5] as number,
      open: f[6] as number,
      failed: f[7] as number,
      cancelled: f[8] as number,
      state: f[9] as 'running' | WorkflowEnd,
      endedAt: f[10] as number | null,
      cancelRequested: f[11] as boolean,
      claimed: f[12] as TaskId[] | null,
    });
  }

  #task(f: readonly unknown[], sealed: readonly unknown[] | null): void {
    const { state } = this;
    const spec = state.specs[f[4] as number];
    if (spec === undefined) throw new Error(`a task of the unknown spec ${String(f[4])}`);
    const workflow = f[5] === null ? null : (state.workflows.get(f[5] as WorkflowId) ?? null);
    const ofAttempts = (sealed?.[3] ?? []) as readonly (readonly unknown[])[];
    const task: TaskRecord = {
      id: f[1] as TaskId,
      tenant: f[2] as number,
      user: f[3] as number,
      spec,
      content: contentOf(sealed?.[0] as readonly unknown[] | undefined),
      workflow,
      index: f[6] as number,
      rank: f[7] as number,
      parents: parentsOf(state, f[8] as readonly TaskId[]),
      dueAt: f[9] as number | null,
      submittedAt: f[10] as number,
      admittedBy: this.#admitters[f[11] as number] ?? state.admitter,
      children: NO_TASKS,
      open: f[12] as number,
      state: f[13] as LiveState,
      cancelRequested: f[14] as boolean,
      attempts: attemptsOf(f[15] as readonly (readonly unknown[])[], ofAttempts),
      endedAt: f[16] as number | null,
      result: sealed?.[1] ?? null,
      error: (sealed?.[2] ?? null) as string | null,
      category: f[17] as Outcome | null,
    };
    state.tasks.set(task.id, task);
    for (const parent of task.parents) {
      if (parent.children === NO_TASKS) parent.children = [task];
      else parent.children.push(task);
    }
    workflow?.tasks.push(task);
    const sets = f[18] as number;
    for (const [name, bit] of SETS) if ((sets & bit) !== 0) state[name].add(task);
    if (task.state === 'scheduled') state.due.add(task.id, task.dueAt ?? 0);
  }
}

function parentsOf(state: PartitionState, ids: readonly TaskId[]): readonly TaskRecord[] {
  return ids.length === 0
    ? NO_TASKS
    : ids.map((id) => state.tasks.get(id)).filter((parent) => parent !== undefined);
}

function attemptsOf(
  rows: readonly (readonly unknown[])[],
  sealed: readonly (readonly unknown[])[],
): AttemptRecord[] {
  return rows.length === 0 ? NO_ATTEMPTS : rows.map((a, i) => attemptOf(a, sealed[i] ?? []));
}

function attemptOf(f: readonly unknown[], sealed: readonly unknown[]): AttemptRecord {
  return {
    attempt: f[0] as number,
    fence: f[1] as number,
    worker: f[2] as WorkerId,
    startedAt: f[3] as number,
    capMs: f[4] as number,
    ttlMs: f[8] as number | undefined,
    endedAt: f[5] as number | null,
    outcome: f[6] as Outcome | null,
    exitCode: f[7] as number | null,
    error: (sealed[0] ?? null) as string | null,
    result: sealed[1] ?? null,
    checkpoint: sealed[2],
  };
}
