import type { TaskId, WorkflowId, WorkerId } from '@yardmaster/kernel';
import type { SchedulingSpec } from '../events/index.js';
import type { WorkerClass } from '../placement/index.js';
import { DueTimes } from './due-times.js';
import type { TaskRecord, WorkflowRecord } from './task-record.js';
import { TaskTable } from './task-table.js';

export * from './task-record.js';

/** What an idempotency key stands for. */
export interface ClaimRecord {
  readonly body: string;
  readonly ids: TaskId[];
  readonly workflow: WorkflowId | null;
}

/** Everything that the owner of one partition knows, folded from the log. */
export class PartitionState {
  readonly tasks = new TaskTable();
  readonly workflows = new Map<WorkflowId, WorkflowRecord>();
  readonly specs: SchedulingSpec[] = [];
  readonly specNumbers = new Map<string, number>();
  readonly claims = new Map<string, ClaimRecord>();
  /** Where each worker's process is: the gateway that holds its session. */
  readonly sessions = new Map<WorkerId, { readonly gateway: string; readonly incarnation: string }>();
  /** Capacities ever offered, by worker; for "could this ever run". */
  readonly capacities = new Map<WorkerId, WorkerClass>();

  // What is to be done, kept by the fold so that a new owner goes on where the last one stopped.
  /** Last attempt ended well or by cancellation: the task's own end is due. */
  readonly toSettle = new Set<TaskRecord>();
  /** Given up by the queue manager: failure is due. */
  readonly toFail = new Set<TaskRecord>();
  /** Of those, what is quarantined. */
  readonly toBury = new Set<TaskRecord>();
  /** Holds a live lease that this owner has not handed out. */
  readonly toDispatch = new Set<TaskRecord>();
  /** Cancelled while a lease may be live. */
  readonly toCancel = new Set<TaskRecord>();
  /** When those fall due that are due later. */
  readonly due = new DueTimes();
  /** Ended, oldest first, to be forgotten in time. */
  ended: TaskRecord[] = [];
  endedHead = 0;
  admitter: { readonly node: string; readonly epoch: number } = { node: '', epoch: 0 };

  readonly partition: number;

  constructor(partition: number) {
    this.partition = partition;
  }
}
