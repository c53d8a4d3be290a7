import { statusOf, type TaskState } from '@yardmaster/domain';
import type { AttemptRow, TaskRow, WorkflowRow } from '@yardmaster/ports';

/** Epoch ms of a column as a number that the driver gives as such. */
const msOf = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8 AS ${column}`;

export const TASK_COLUMNS = [
  'task_id',
  'tenant',
  'user_id',
  'workflow_id',
  'key',
  'name',
  'labels',
  'scheduling_type',
  'queue',
  'priority',
  'total_attempts',
  'resource_requirements',
  'execution_cap::float8',
  'delay_tolerance::float8',
  'script_path',
  'handler',
  'state',
  'attempts',
  'error',
  'result',
  'admitted_node',
  'admitted_epoch',
  msOf('submitted_at'),
  msOf('started_at'),
  msOf('ended_at'),
].join(', ');

export interface StoredTask {
  readonly task_id: string;
  readonly tenant: number;
  readonly user_id: number;
  readonly workflow_id: string | null;
  readonly key: string | null;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly scheduling_type: string;
  readonly queue: string | null;
  readonly priority: number | null;
  readonly total_attempts: number | null;
  readonly resource_requirements: Readonly<Record<string, number>> | null;
  readonly execution_cap: number | null;
  readonly delay_tolerance: number | null;
  readonly script_path: string | null;
  readonly handler: string | null;
  readonly state: string;
  readonly attempts: number | null;
  readonly error: string | null;
  readonly result: unknown;
  readonly admitted_node: string;
  readonly admitted_epoch: number;
  readonly submitted_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
}

export function taskRow(row: StoredTask): TaskRow {
  return {
    id: row.task_id,
    tenant: row.tenant,
    userId: row.user_id,
    workflow: row.workflow_id,
    key: row.key,
    name: row.name,
    labels: row.labels,
    schedulingType: row.scheduling_type,
    queue: row.queue ?? '',
    priority: row.priority ?? 0,
    totalAttempts: row.total_attempts ?? 0,
    resourceRequirements: row.resource_requirements ?? {},
    executionCapMs: row.execution_cap ?? 0,
    delayToleranceMs: row.delay_tolerance,
    scriptPath: row.script_path,
    handler: row.handler,
    state: row.state,
    status: statusOf(row.state as TaskState),
    attempts: row.attempts ?? 0,
    submittedAt: row.submitted_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    error: row.error,
    result: row.result,
    admittedBy: { node: row.admitted_node, epoch: row.admitted_epoch },
  };
}

export const ATTEMPT_COLUMNS = [
  'task_id',
  'attempt',
  'fence::float8',
  'worker',
  'outcome',
  'exit_code',
  'wall_ms',
  'error',
  msOf('started_at'),
  msOf('ended_at'),
].join(', ');

export interface StoredAttempt {
  readonly task_id: string;
  readonly attempt: number;
  readonly fence: number;
  readonly worker: string;
  readonly outcome: string | null;
  readonly exit_code: number | null;
  readonly wall_ms: number | null;
  readonly error: string | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
}

export function attemptRow(row: StoredAttempt): AttemptRow {
  return {
    task: row.task_id,
    attempt: row.attempt,
    fence: row.fence,
    worker: row.worker,
    outcome: row.outcome,
    exitCode: row.exit_code,
    startedAt: row.started_at ?? 0,
    endedAt: row.ended_at,
    wallMs: row.wall_ms,
    error: row.error,
  };
}

export const WORKFLOW_COLUMNS = [
  'workflow_id',
  'tenant',
  'user_id',
  'name',
  'task_count',
  `COALESCE(state, 'running') AS state`,
  msOf('submitted_at'),
  msOf('ended_at'),
].join(', ');

export interface StoredWorkflow {
  readonly workflow_id: string;
  readonly tenant: number;
  readonly user_id: number;
  readonly name: string;
  readonly task_count: number;
  readonly state: WorkflowRow['state'];
  readonly submitted_at: number;
  readonly ended_at: number | null;
}

export function workflowRow(row: StoredWorkflow): WorkflowRow {
  return {
    id: row.workflow_id,
    tenant: row.tenant,
    userId: row.user_id,
    name: row.name,
    count: row.task_count,
    state: row.state,
    submittedAt: row.submitted_at,
    endedAt: row.ended_at,
  };
}
