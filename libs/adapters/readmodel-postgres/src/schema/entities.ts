import 'reflect-metadata';
import { EntitySchema, type EntitySchemaColumnOptions } from 'typeorm';
import { STATE_EXPRESSION, STATUS_EXPRESSION } from './state-expression.js';

type Columns = Record<string, EntitySchemaColumnOptions>;
type Type = EntitySchemaColumnOptions['type'];

const key = (type: Type): EntitySchemaColumnOptions => ({ type, primary: true });
const some = (type: Type): EntitySchemaColumnOptions => ({ type });
const maybe = (type: Type): EntitySchemaColumnOptions => ({ type, nullable: true });
const said = (options: EntitySchemaColumnOptions, comment: string): EntitySchemaColumnOptions => ({
  ...options,
  comment,
});
const seqs: EntitySchemaColumnOptions = { type: 'bigint', array: true, nullable: true };
const computed = (expression: string): EntitySchemaColumnOptions => ({
  type: 'text',
  nullable: true,
  generatedType: 'STORED',
  asExpression: expression,
  insert: false,
  update: false,
});

const entity = (
  name: string,
  columns: Columns,
  indices: EntitySchema['options']['indices'] = [],
): EntitySchema =>
  new EntitySchema({
    name,
    tableName: name,
    columns: Object.fromEntries(
      Object.entries(columns).map(([column, options]) => [
        column,
        options.primary === true ? { ...options, primaryKeyConstraintName: `${name}_pkey` } : options,
      ]),
    ),
    indices,
  });

export const TaskEntity = entity(
  'task',
  {
    task_id: key('bigint'),
    tenant: maybe('integer'),
    user_id: maybe('integer'),
    workflow_id: maybe('bigint'),
    key: maybe('text'),
    name: maybe('text'),
    labels: maybe('jsonb'),
    kind: maybe('text'),
    script_path: maybe('text'),
    handler: maybe('text'),
    scheduling_type: maybe('text'),
    due_at: maybe('timestamptz'),
    queue: maybe('text'),
    priority: maybe('integer'),
    total_attempts: said(maybe('integer'), 'executions in all, the first included'),
    resource_requirements: said(
      maybe('jsonb'),
      'cpu and gpu in thousandths, memory and disk in bytes, network in bit/s, others as counts',
    ),
    execution_cap: said(maybe('bigint'), 'longest run of one attempt from the grant of its lease, ms'),
    delay_tolerance: said(
      maybe('bigint'),
      'longest wanted wait from eligible to first start, ms; null = none named',
    ),
    rank: maybe('integer'),
    submitted_at: maybe('timestamptz'),
    admitted_node: maybe('text'),
    admitted_epoch: maybe('integer'),
    is_due: some('boolean'),
    is_released: some('boolean'),
    is_cancel_requested: some('boolean'),
    owner_end: maybe('text'),
    ended_at: maybe('timestamptz'),
    category: maybe('text'),
    error: maybe('text'),
    result: maybe('jsonb'),
    owner_seqs: said(
      seqs,
      'sequences in tasks-<partition of the id> that tell of this task; queue_seqs: in the queue stream; lease_seqs: in the leases stream',
    ),
    queue_phase: maybe('smallint'),
    queue_attempt: maybe('integer'),
    queue_seqs: seqs,
    lease_phase: maybe('smallint'),
    lease_fence: maybe('bigint'),
    lease_outcome: maybe('text'),
    attempts: maybe('integer'),
    started_at: maybe('timestamptz'),
    lease_seqs: seqs,
    state: computed(STATE_EXPRESSION),
    status: computed(STATUS_EXPRESSION),
  },
  [
    { name: 'task_workflow', columns: ['workflow_id', 'task_id'], where: 'workflow_id IS NOT NULL' },
    { name: 'task_open', columns: ['task_id'], where: 'owner_end IS NULL' },
    { name: 'task_ended_badly', columns: ['task_id'], where: "owner_end <> 'succeeded'" },
  ],
);

export const AttemptEntity = entity('attempt', {
  task_id: key('bigint'),
  fence: key('bigint'),
  attempt: some('integer'),
  tenant: some('integer'),
  worker: some('text'),
  cap: said(maybe('bigint'), 'ms'),
  started_at: maybe('timestamptz'),
  ended_at: maybe('timestamptz'),
  outcome: maybe('text'),
  exit_code: maybe('integer'),
  wall_ms: maybe('double precision'),
  cpu_ms: maybe('double precision'),
  max_rss_bytes: maybe('bigint'),
  error: maybe('text'),
});

export const WorkflowEntity = entity('workflow', {
  workflow_id: key('bigint'),
  tenant: maybe('integer'),
  user_id: maybe('integer'),
  name: maybe('text'),
  labels: maybe('jsonb'),
  task_count: maybe('integer'),
  submitted_at: maybe('timestamptz'),
  state: maybe('text'),
  ended_at: maybe('timestamptz'),
  owner_seqs: seqs,
});

export const WorkerEntity = entity('worker', {
  worker: key('text'),
  incarnation: maybe('text'),
  kind: maybe('text'),
  name: maybe('text'),
  tenant: maybe('integer'),
  capacity: maybe('jsonb'),
  handlers: maybe('jsonb'),
  labels: maybe('jsonb'),
  gateway: maybe('text'),
  is_cordoned: some('boolean'),
  gone: maybe('text'),
  joined_at: maybe('timestamptz'),
  gone_at: maybe('timestamptz'),
  lease_seq: some('bigint'),
});

export const SpecEntity = entity('spec', {
  stream: key('text'),
  n: key('integer'),
  kind: some('text'),
  handler: maybe('text'),
  queue: some('text'),
  priority: some('integer'),
  total_attempts: some('integer'),
  resource_requirements: some('jsonb'),
  execution_cap: some('bigint'),
  delay_tolerance: maybe('bigint'),
  spec: some('jsonb'),
});

export const CheckpointEntity = entity('checkpoint', {
  projection: key('text'),
  stream: key('text'),
  seq: some('bigint'),
  hash: some('text'),
});

export const ENTITIES: readonly EntitySchema[] = [
  TaskEntity,
  AttemptEntity,
  WorkflowEntity,
  WorkerEntity,
  SpecEntity,
  CheckpointEntity,
];
