import { PHASE_RANK } from '@yardmaster/domain';
import type { TaskChange } from '../fold/task-change.js';
import { bool, id, int2, int4, int8, json, numbers, text, time, type Column } from './column.js';
import type { KnownSpecs } from './known-specs.js';
import { target, type Target } from './target.js';

type Columns = readonly Column<TaskChange>[];

/** New positions of a group are added once: those that a row has are not added again. */
const addSeqs = (
  name: string,
): string => `CASE WHEN n.${name} IS NULL THEN t.${name} WHEN t.${name} IS NULL THEN n.${name}
  WHEN n.${name}[1] > t.${name}[cardinality(t.${name})] THEN t.${name} || n.${name} ELSE t.${name} END`;
const queueIsNew =
  'n.queue_phase IS NOT NULL AND (t.queue_seqs IS NULL OR n.queue_seqs[1] > t.queue_seqs[cardinality(t.queue_seqs)])';
const leaseIsNew =
  '(n.lease_fence IS NOT NULL AND (t.lease_fence IS NULL OR (n.lease_fence, n.lease_phase) >= (t.lease_fence, t.lease_phase)))';
const ifLeaseIsNew = (name: string): string => `CASE WHEN ${leaseIsNew} THEN n.${name} ELSE t.${name} END`;
const firstEnd = (name: string): string => `CASE WHEN t.owner_end IS NULL THEN n.${name} ELSE t.${name} END`;
const either = (name: string): string => `t.${name} OR n.${name}`;

const ID: Columns = [id('task_id', (task) => task.id)];

/** What a submission says. */
const SUBMITTED: Columns = [
  int4('tenant', ({ submitted }) => submitted?.tenant),
  int4('user_id', ({ submitted }) => submitted?.user),
  id('workflow_id', ({ submitted }) => submitted?.workflow),
  text('key', ({ submitted }) => submitted?.sealed.key),
  text('name', ({ submitted }) => submitted?.sealed.name),
  json('labels', ({ submitted }) => submitted?.sealed.labels),
  text('script_path', ({ submitted }) => submitted?.sealed.run.script),
  time('due_at', ({ submitted }) => submitted?.dueAt ?? null),
  int4('rank', ({ submitted }) => submitted?.rank),
  time('submitted_at', ({ place }) => place?.at ?? null),
  text('admitted_node', ({ place }) => place?.node),
  int4('admitted_epoch', ({ place }) => place?.epoch),
];

/** What the owner says over a task's life. */
const OWNER: Columns = [
  bool('is_due', (task) => task.isDue, either('is_due')),
  bool('is_released', (task) => task.isReleased, either('is_released')),
  bool('is_cancel_requested', (task) => task.isCancelRequested, either('is_cancel_requested')),
  text('owner_end', (task) => task.end),
  time('ended_at', (task) => (task.end === null ? null : task.endedAt), firstEnd('ended_at')),
  text('category', (task) => task.category, firstEnd('category')),
  text('error', (task) => task.error, firstEnd('error')),
  json('result', (task) => task.result, firstEnd('result')),
  numbers('owner_seqs', (task) => task.owner, addSeqs('owner_seqs')),
];

const QUEUE: Columns = [
  int2(
    'queue_phase',
    (task) => (task.queue === null ? null : task.queuePhase),
    // Queued again after an attempt is the same as visible again.
    `CASE WHEN ${queueIsNew} THEN
      CASE WHEN n.queue_phase = ${String(PHASE_RANK.queued)} AND t.queue_attempt > 0 THEN ${String(PHASE_RANK.visible)}::smallint ELSE n.queue_phase END
      ELSE t.queue_phase END`,
  ),
  int4(
    'queue_attempt',
    (task) => task.queueAttempt,
    `CASE WHEN ${queueIsNew} THEN COALESCE(n.queue_attempt, t.queue_attempt) ELSE t.queue_attempt END`,
  ),
  numbers('queue_seqs', (task) => task.queue, addSeqs('queue_seqs')),
];

const LEASE: Columns = [
  int2('lease_phase', (task) => (task.lease === null ? null : task.leasePhase), ifLeaseIsNew('lease_phase')),
  int8('lease_fence', (task) => (task.lease === null ? null : task.fence), ifLeaseIsNew('lease_fence')),
  text('lease_outcome', (task) => task.outcome, ifLeaseIsNew('lease_outcome')),
  int4('attempts', (task) => (task.lease === null ? null : task.attempt), ifLeaseIsNew('attempts')),
  time('started_at', (task) => task.startedAt),
  numbers('lease_seqs', (task) => task.lease, addSeqs('lease_seqs')),
];

/** Tasks whose submission is in the batch, with whatever else the batch says of them. */
export const submittedTasks = (specs: KnownSpecs): Target<TaskChange> =>
  target(
    'task_submitted',
    'task',
    ['task_id'],
    [...ID, ...SUBMITTED, specs.fields, ...OWNER, ...QUEUE, ...LEASE],
  );

/** Tasks of which the batch says anything but their submission. */
export const CHANGED_TASKS: Target<TaskChange> = target(
  'task_changed',
  'task',
  ['task_id'],
  [...ID, ...OWNER, ...QUEUE, ...LEASE],
);
