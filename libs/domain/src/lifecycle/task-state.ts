/** What a task is doing, in detail. */
export const TASK_STATES = [
  'scheduled',
  'blocked',
  'held',
  'awaiting_input',
  'ready',
  'queued',
  'backing_off',
  'suspended',
  'starting',
  'running',
  'cancelling',
  'succeeded',
  'skipped',
  'failed',
  'upstream_failed',
  'cancelled',
  'expired',
  'dead',
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** What the user asked for. */
export type TaskStatus = 'waiting' | 'in_progress' | 'done' | 'failed';

const STATUS_OF: Readonly<Record<TaskState, TaskStatus>> = {
  scheduled: 'waiting',
  blocked: 'waiting',
  held: 'waiting',
  awaiting_input: 'waiting',
  ready: 'waiting',
  queued: 'waiting',
  backing_off: 'waiting',
  suspended: 'waiting',
  starting: 'in_progress',
  running: 'in_progress',
  cancelling: 'in_progress',
  succeeded: 'done',
  skipped: 'done',
  failed: 'failed',
  upstream_failed: 'failed',
  cancelled: 'failed',
  expired: 'failed',
  dead: 'failed',
};

export function statusOf(state: TaskState): TaskStatus {
  return STATUS_OF[state];
}

/** True for states that end a life. */
export function isTerminal(state: TaskState): boolean {
  const status = STATUS_OF[state];
  return status === 'done' || status === 'failed';
}
