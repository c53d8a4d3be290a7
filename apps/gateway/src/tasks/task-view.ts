import type { AttemptResponse, AttemptView, Status, TaskResponse, TaskView } from '@yardmaster/contracts';
import { formatDuration, isTerminal, statusOf, type TaskState } from '@yardmaster/domain';
import type { AttemptRow, TaskRow } from '@yardmaster/ports';

export const instant = (ms: number): string => new Date(ms).toISOString();
export const instantOrNull = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString();
export const statusOfText = (state: string): Status => statusOf(state as TaskState);
export const hasEnded = (state: string): boolean => isTerminal(state as TaskState);

/** What the owner knows, as the public sees it. */
export function taskResponse(view: TaskView, tenant: string): TaskResponse {
  const { content, spec } = view;
  const { script, command, args, env, input } = content.run;
  return {
    id: view.id,
    name: content.name,
    key: content.key,
    tenant,
    userId: view.userId,
    workflow: view.workflow,
    state: view.state,
    status: statusOfText(view.state),
    spec: {
      run: {
        ...(script === null ? {} : { script }),
        ...(command === null ? {} : { command: [...command] }),
        ...(spec.handler === null ? {} : { handler: spec.handler }),
        ...(args === null ? {} : { args: [...args] }),
        ...(env === null ? {} : { env: { ...env } }),
        ...(input === null || input === undefined ? {} : { input }),
      },
      resources: { ...spec.resources },
      queue: spec.queue,
      priority: spec.priority,
      strategy: spec.strategy,
      delayTolerance: spec.delayToleranceMs === null ? null : formatDuration(spec.delayToleranceMs),
      executionCap: formatDuration(spec.capMs),
      ...(spec.leaseTtlMs === undefined ? {} : { leaseTtl: formatDuration(spec.leaseTtlMs) }),
      totalAttempts: spec.retry.maxAttempts,
      idempotent: spec.idempotent,
      schedulingType: 'once',
      at: instantOrNull(view.dueAt),
    },
    labels: { ...content.labels },
    dependsOn: [...view.parents],
    attemptsMade: view.attempts.length,
    attempts: view.attempts.map(attemptOfView),
    waitReason: view.waitReason,
    result: view.result ?? null,
    error: view.error,
    category: view.category,
    admittedBy: view.admittedBy,
    submittedAt: instant(view.submittedAt),
    startedAt: instantOrNull(view.startedAt),
    endedAt: instantOrNull(view.endedAt),
  };
}

/** A row of the relational view: what a task that its owner has forgotten still shows. */
export function taskOfRow(row: TaskRow, tenant: string, attempts: readonly AttemptRow[] = []): TaskResponse {
  return {
    id: row.id,
    name: row.name,
    key: row.key,
    tenant,
    userId: row.userId,
    workflow: row.workflow,
    state: row.state,
    status: row.status,
    spec: {
      run: {
        ...(row.scriptPath === null ? {} : { script: row.scriptPath }),
        ...(row.handler === null ? {} : { handler: row.handler }),
      },
      resources: { ...row.resourceRequirements },
      queue: row.queue,
      priority: row.priority,
      strategy: null,
      delayTolerance: row.delayToleranceMs === null ? null : formatDuration(row.delayToleranceMs),
      executionCap: formatDuration(row.executionCapMs),
      totalAttempts: row.totalAttempts,
      idempotent: false,
      schedulingType: row.schedulingType,
      at: null,
    },
    labels: { ...row.labels },
    dependsOn: [],
    attemptsMade: row.attempts,
    attempts: attempts.map(attemptOfRow),
    waitReason: null,
    result: row.result ?? null,
    error: row.error,
    category: null,
    admittedBy: row.admittedBy,
    submittedAt: instant(row.submittedAt),
    startedAt: instantOrNull(row.startedAt),
    endedAt: instantOrNull(row.endedAt),
  };
}

function attemptOfView(view: AttemptView): AttemptResponse {
  const { attempt, worker, fence, outcome, exitCode, startedAt, endedAt, error, progress } = view;
  return {
    attempt,
    worker,
    fence,
    outcome,
    exitCode,
    startedAt: instant(startedAt),
    endedAt: instantOrNull(endedAt),
    error,
    progress,
  };
}

function attemptOfRow(row: AttemptRow): AttemptResponse {
  const { attempt, worker, fence, outcome, exitCode, startedAt, endedAt, error } = row;
  return {
    attempt,
    worker,
    fence,
    outcome,
    exitCode,
    startedAt: instant(startedAt),
    endedAt: instantOrNull(endedAt),
    error,
    progress: null,
  };
}
