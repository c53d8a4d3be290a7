import { PHASE_RANK } from '@yardmaster/domain';
import type { TaskChange } from '../fold/task-change.js';
import { booleans, Instants, numbers, texts } from './array-literal.js';
import { jsonText } from './json-text.js';
import { upsert, type Column, type JoinedColumn, type Upsert } from './upsert.js';

type TaskColumn = Column<TaskChange>;

const ownInstants = new Instants();

/** New positions of a group are added once: those that a row has are not added again. */
const addSeqs = (
  name: string,
): string => `CASE WHEN n.${name} IS NULL THEN t.${name} WHEN t.${name} IS NULL THEN n.${name}
  WHEN n.${name}[1] > t.${name}[cardinality(t.${name})] THEN t.${name} || n.${name} ELSE t.${name} END`;
const seqsColumn = (
  name: string,
  of: (task: TaskChange) => { readonly text: string } | null,
): TaskColumn => ({
  name,
  type: 'text',
  from: `u.${name}::bigint[]`,
  merge: addSeqs(name),
  values: (rows) =>
    texts(rows, (task) => {
      const seqs = of(task);
      return seqs === null ? null : `{${seqs.text}}`;
    }),
});

const queueIsNew =
  'n.queue_phase IS NOT NULL AND (t.queue_seqs IS NULL OR n.queue_seqs[1] > t.queue_seqs[cardinality(t.queue_seqs)])';
const leaseIsNew =
  '(n.lease_fence IS NOT NULL AND (t.lease_fence IS NULL OR (n.lease_fence, n.lease_phase) >= (t.lease_fence, t.lease_phase)))';
const ifLeaseIsNew = (name: string): string => `CASE WHEN ${leaseIsNew} THEN n.${name} ELSE t.${name} END`;
const firstEnd = (name: string): string => `CASE WHEN t.owner_end IS NULL THEN n.${name} ELSE t.${name} END`;

const id: TaskColumn = {
  name: 'task_id',
  type: 'bigint',
  values: (rows) => numbers(rows, (task) => task.id),
};

/** What the owner says over a task's life. */
const OWNER: readonly TaskColumn[] = [
  {
    name: 'is_due',
    type: 'boolean',
    merge: 't.is_due OR n.is_due',
    values: (rows) => booleans(rows, (task) => task.isDue),
  },
  {
    name: 'is_released',
    type: 'boolean',
    merge: 't.is_released OR n.is_released',
    values: (rows) => booleans(rows, (task) => task.isReleased),
  },
  {
    name: 'is_cancel_requested',
    type: 'boolean',
    merge: 't.is_cancel_requested OR n.is_cancel_requested',
    values: (rows) => booleans(rows, (task) => task.isCancelRequested),
  },
  { name: 'owner_end', type: 'text', values: (rows) => texts(rows, (task) => task.end) },
  {
    name: 'ended_at',
    type: 'timestamptz',
    merge: firstEnd('ended_at'),
    values: (rows) => texts(rows, (task) => ownInstants.of(task.end === null ? null : task.endedAt)),
  },
  {
    name: 'category',
    type: 'text',
    merge: firstEnd('category'),
    values: (rows) => texts(rows, (task) => task.category),
  },
  {
    name: 'error',
    type: 'text',
    merge: firstEnd('error'),
    values: (rows) => texts(rows, (task) => task.error),
  },
  {
    name: 'result',
    type: 'text',
    from: 'u.result::jsonb',
    merge: firstEnd('result'),
    values: (rows) => texts(rows, (task) => jsonText(task.result)),
  },
  seqsColumn('owner_seqs', (task) => task.owner),
];

const QUEUE: readonly TaskColumn[] = [
  {
    name: 'queue_phase',
    type: 'smallint',
    values: (rows) => numbers(rows, (task) => (task.queue === null ? null : task.queuePhase)),
    // Queued again after an attempt is the same as visible again.
    merge: `CASE WHEN ${queueIsNew} THEN
      CASE WHEN n.queue_phase = ${String(PHASE_RANK.queued)} AND t.queue_attempt > 0 THEN ${String(PHASE_RANK.visible)}::smallint ELSE n.queue_phase END
      ELSE t.queue_phase END`,
  },
  {
    name: 'queue_attempt',
    type: 'integer',
    values: (rows) => numbers(rows, (task) => task.queueAttempt),
    merge: `CASE WHEN ${queueIsNew} THEN COALESCE(n.queue_attempt, t.queue_attempt) ELSE t.queue_attempt END`,
  },
  seqsColumn('queue_seqs', (task) => task.queue),
];

const LEASE: readonly TaskColumn[] = [
  {
    name: 'lease_phase',
    type: 'smallint',
    merge: ifLeaseIsNew('lease_phase'),
    values: (rows) => numbers(rows, (task) => (task.lease === null ? null : task.leasePhase)),
  },
  {
    name: 'lease_fence',
    type: 'bigint',
    merge: ifLeaseIsNew('lease_fence'),
    values: (rows) => numbers(rows, (task) => (task.lease === null ? null : task.fence)),
  },
  {
    name: 'lease_outcome',
    type: 'text',
    merge: ifLeaseIsNew('lease_outcome'),
    values: (rows) => texts(rows, (task) => task.outcome),
  },
  {
    name: 'attempts',
    type: 'integer',
    merge: ifLeaseIsNew('attempts'),
    values: (rows) => numbers(rows, (task) => (task.lease === null ? null : task.attempt)),
  },
  {
    name: 'started_at',
    type: 'timestamptz',
    values: (rows) => texts(rows, (task) => ownInstants.of(task.startedAt)),
  },
  seqsColumn('lease_seqs', (task) => task.lease),
];

/** What a submission says; `place` and `submitted` are there for every row of this statement. */
const SUBMITTED: readonly TaskColumn[] = [
  {
    name: 'stream',
    type: 'text',
    isHidden: true,
    values: (rows) => texts(rows, (task) => task.place?.stream ?? null),
  },
  {
    name: 'spec',
    type: 'integer',
    isHidden: true,
    values: (rows) => numbers(rows, (task) => task.submitted?.spec ?? null),
  },
  {
    name: 'tenant',
    type: 'integer',
    values: (rows) => numbers(rows, (task) => task.submitted?.tenant ?? null),
  },
  {
    name: 'user_id',
    type: 'integer',
    values: (rows) => numbers(rows, (task) => task.submitted?.user ?? null),
  },
  {
    name: 'workflow_id',
    type: 'bigint',
    values: (rows) => numbers(rows, (task) => task.submitted?.workflow ?? null),
  },
  { name: 'key', type: 'text', values: (rows) => texts(rows, (task) => task.submitted?.sealed.key ?? null) },
  {
    name: 'name',
    type: 'text',
    values: (rows) => texts(rows, (task) => task.submitted?.sealed.name ?? null),
  },
  {
    name: 'labels',
    type: 'text',
    from: 'u.labels::jsonb',
    values: (rows) => texts(rows, (task) => jsonText(task.submitted?.sealed.labels)),
  },
  {
    name: 'script_path',
    type: 'text',
    values: (rows) => texts(rows, (task) => task.submitted?.sealed.run.script ?? null),
  },
  {
    name: 'due_at',
    type: 'timestamptz',
    values: (rows) => texts(rows, (task) => ownInstants.of(task.submitted?.dueAt ?? null)),
  },
  { name: 'rank', type: 'integer', values: (rows) => numbers(rows, (task) => task.submitted?.rank ?? null) },
  {
    name: 'submitted_at',
    type: 'timestamptz',
    values: (rows) => texts(rows, (task) => ownInstants.of(task.place?.at ?? null)),
  },
  { name: 'admitted_node', type: 'text', values: (rows) => texts(rows, (task) => task.place?.node ?? null) },
  {
    name: 'admitted_epoch',
    type: 'integer',
    values: (rows) => numbers(rows, (task) => task.place?.epoch ?? null),
  },
];

/** What the interned spec says of a submission. */
const FROM_SPEC: readonly JoinedColumn[] = [
  { name: 'kind', from: 's.kind' },
  { name: 'handler', from: 's.handler' },
  { name: 'scheduling_type', from: `'once'` },
  { name: 'queue', from: 's.queue' },
  { name: 'priority', from: 's.priority' },
  { name: 'total_attempts', from: 's.total_attempts' },
  { name: 'resource_requirements', from: 's.resource_requirements' },
  { name: 'execution_cap', from: 's.execution_cap' },
  { name: 'delay_tolerance', from: 's.delay_tolerance' },
];

/** Tasks whose submission is in the batch, with whatever else the batch says of them. */
export const SUBMITTED_TASKS: Upsert<TaskChange> = upsert(
  'yard-tasks-submitted',
  'task',
  ['task_id'],
  [id, ...SUBMITTED, ...OWNER, ...QUEUE, ...LEASE],
  { join: 'LEFT JOIN spec s ON s.stream = u.stream AND s.n = u.spec', columns: FROM_SPEC },
);

/** Tasks of which the batch says anything but their submission. */
export const CHANGED_TASKS: Upsert<TaskChange> = upsert(
  'yard-tasks-changed',
  'task',
  ['task_id'],
  [id, ...OWNER, ...QUEUE, ...LEASE],
);
