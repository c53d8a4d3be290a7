import type { TaskId, WorkflowId, WorkerId } from '@yardmaster/kernel';
import type { Outcome, SchedulingSpec, TaskContent, WorkflowEnd } from '../events/index.js';

/** Fine state of a task as its owner keeps it; the words of docs/reference/lifecycle.md. */
export type LiveState =
  | 'scheduled'
  | 'blocked'
  | 'ready'
  | 'queued'
  | 'backing_off'
  | 'running'
  | 'cancelling'
  | 'succeeded'
  | 'failed'
  | 'upstream_failed'
  | 'cancelled'
  | 'dead';

export interface AttemptRecord {
  readonly attempt: number;
  readonly fence: number;
  readonly worker: WorkerId;
  readonly startedAt: number;
  readonly capMs: number;
  /** Of its lease, where that is not the default, ms. */
  readonly ttlMs: number | undefined;
  endedAt: number | null;
  outcome: Outcome | null;
  exitCode: number | null;
  error: string | null;
  result: unknown;
  /** What it left for the next attempt; undefined = nothing. */
  checkpoint: unknown;
}

export interface WorkflowRecord {
  readonly id: WorkflowId;
  readonly tenant: number;
  readonly user: number;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly submittedAt: number;
  readonly tasks: TaskRecord[];
  readonly count: number;
  /** Tasks not yet ended. */
  open: number;
  failed: number;
  cancelled: number;
  state: 'running' | WorkflowEnd;
  endedAt: number | null;
  cancelRequested: boolean;
  /** Ids of its tasks where a key stands for it: they are told again after the workflow itself is forgotten. */
  readonly claimed: TaskId[] | null;
}

export interface TaskRecord {
  readonly id: TaskId;
  readonly tenant: number;
  readonly user: number;
  readonly spec: SchedulingSpec;
  readonly content: TaskContent;
  readonly workflow: WorkflowRecord | null;
  readonly index: number;
  readonly rank: number;
  readonly parents: readonly TaskRecord[];
  readonly dueAt: number | null;
  readonly submittedAt: number;
  readonly admittedBy: { readonly node: string; readonly epoch: number };
  children: TaskRecord[];
  /** Parents not yet ended. */
  open: number;
  state: LiveState;
  cancelRequested: boolean;
  attempts: AttemptRecord[];
  endedAt: number | null;
  result: unknown;
  error: string | null;
  category: Outcome | null;
}

// Shared by all records that have none: most tasks never get any.
export const NO_TASKS: TaskRecord[] = [];
export const NO_ATTEMPTS: never[] = [];

export function isEnded(state: LiveState): boolean {
  return (
    state === 'succeeded' ||
    state === 'failed' ||
    state === 'upstream_failed' ||
    state === 'cancelled' ||
    state === 'dead'
  );
}

/** The attempt that holds the task's lease, or null. */
export function liveAttempt(task: TaskRecord): AttemptRecord | null {
  const last = task.attempts.at(-1);
  return last?.outcome === null ? last : null;
}
