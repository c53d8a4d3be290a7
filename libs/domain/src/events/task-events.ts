import type { TaskId, WorkflowId, WorkerId } from '@yardmaster/kernel';
import type { Outcome, SchedulingSpec } from './scheduling-spec.js';

/** What only the tenant may read: it travels sealed under the tenant's key. */
export interface TaskContent {
  readonly name: string;
  /** Key inside its workflow; null for a lone task. */
  readonly key: string | null;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly run: RunContent;
}

export interface RunContent {
  /** Path under the tenant's script root, as given, for kind `script`. */
  readonly script: string | null;
  /** sha256 (hex) of the script pinned at submission, for kind `script`. */
  readonly scriptHash: string | null;
  readonly command: readonly string[] | null;
  readonly args: readonly string[] | null;
  readonly env: Readonly<Record<string, string>> | null;
  /** JSON value for $YARD_INPUT or the handler. */
  readonly input: unknown;
}

/** An idempotency claim: 16-byte hash of (tenant, key) and of the canonical body, base64url. */
export interface Claim {
  readonly key: string;
  readonly body: string;
}

/** First event of every owner of a stream: from here on an older owner's writes are refused. */
export interface OwnerTookOver {
  readonly type: 'OwnerTookOver';
  readonly role: string;
  readonly epoch: number;
  readonly node: string;
}

/** Everything of this stream up to `last` is in the archive, read back and found whole. */
export interface SegmentArchived {
  readonly type: 'SegmentArchived';
  readonly last: number;
  /** Hash of the envelope at `last`. */
  readonly lastHash: string;
  /** sha256 of the segment that ends there, hex. */
  readonly sha256: string;
}

/** Gives a scheduling spec its number in this stream. */
export interface SpecDefined {
  readonly type: 'SpecDefined';
  readonly n: number;
  readonly spec: SchedulingSpec;
}

export interface WorkflowSubmitted {
  readonly type: 'WorkflowSubmitted';
  readonly id: WorkflowId;
  readonly tenant: number;
  readonly user: number;
  /** Number of tasks; as many TaskSubmitted with `index` 0..count-1 follow in the same commit. */
  readonly count: number;
  readonly claim: Claim | null;
  readonly sealed: { readonly name: string; readonly labels: Readonly<Record<string, string>> | null };
}

export interface TaskSubmitted {
  readonly type: 'TaskSubmitted';
  readonly id: TaskId;
  readonly tenant: number;
  readonly user: number;
  /** Number of its SpecDefined in this stream. */
  readonly spec: number;
  readonly workflow: WorkflowId | null;
  /** Place in the workflow's submission, in its topological order; -1 for a lone task. */
  readonly index: number;
  /** Length of the longest path from a root. */
  readonly rank: number;
  /** Parents inside the workflow, by index. */
  readonly parents: readonly number[];
  /** Parents of a lone task, by id, all in this partition. Those already ended well are left out of `open`. */
  readonly needs: readonly TaskId[];
  /** Number of parents not yet ended at submission. */
  readonly open: number;
  /** When it falls due, or null for now. */
  readonly dueAt: number | null;
  readonly claim: Claim | null;
  readonly sealed: TaskContent;
}

/** Scheduled tasks that fell due. */
export interface TasksDue {
  readonly type: 'TasksDue';
  readonly ids: readonly TaskId[];
}

export interface CancelRequested {
  readonly type: 'CancelRequested';
  readonly id: TaskId;
  readonly user: number;
}

export interface TaskSucceeded {
  readonly type: 'TaskSucceeded';
  readonly id: TaskId;
  readonly tenant: number;
  readonly attempt: number;
  /** Children that have no open parent any more. */
  readonly released: readonly TaskId[];
  readonly sealed: { readonly result: unknown } | null;
}

export interface TaskFailed {
  readonly type: 'TaskFailed';
  readonly id: TaskId;
  readonly tenant: number;
  readonly attempt: number;
  readonly category: Outcome;
  /** Everything downstream that needs it, in topological order. */
  readonly upstreamFailed: readonly TaskId[];
  /** Quarantined as one that takes its workers down. Left out = no. */
  readonly dead?: true;
  readonly sealed: { readonly error: string } | null;
}

export interface TaskCancelled {
  readonly type: 'TaskCancelled';
  readonly id: TaskId;
  readonly tenant: number;
  readonly upstreamFailed: readonly TaskId[];
}

export type WorkflowEnd = 'succeeded' | 'failed' | 'cancelled';

export interface WorkflowEnded {
  readonly type: 'WorkflowEnded';
  readonly id: WorkflowId;
  readonly tenant: number;
  readonly state: WorkflowEnd;
}

export type TaskEvent =
  | OwnerTookOver
  | SegmentArchived
  | SpecDefined
  | WorkflowSubmitted
  | TaskSubmitted
  | TasksDue
  | CancelRequested
  | TaskSucceeded
  | TaskFailed
  | TaskCancelled
  | WorkflowEnded;

/** A task as the queue and the resource manager know it. */
export interface QueuedTask {
  readonly id: TaskId;
  /** Partition of its owner. */
  readonly p: number;
  readonly tenant: number;
  /** Number of its ClassDefined in the queue's stream. */
  readonly cls: number;
  /** max(submitted, due, last parent ended, released), ms. */
  readonly eligibleAt: number;
}

export interface ClassDefined {
  readonly type: 'ClassDefined';
  readonly n: number;
  readonly spec: SchedulingSpec;
}
/** `order` counts tasks queued in this cell: submission order among equals. */
export interface BatchQueued {
  readonly type: 'BatchQueued';
  readonly batch: number;
  readonly batcherEpoch: number;
  readonly tasks: readonly QueuedTask[];
}
export interface TaskBackedOff {
  readonly type: 'TaskBackedOff';
  readonly id: TaskId;
  readonly p: number;
  readonly attempt: number;
  readonly category: Outcome;
  /** When it becomes visible again. */
  readonly until: number;
  /** It has lost too many workers: from here on it runs with nothing else on its worker. Left out = no. */
  readonly alone?: true;
}
export interface TasksVisible {
  readonly type: 'TasksVisible';
  readonly ids: readonly TaskId[];
}
export interface TaskGivenUp {
  readonly type: 'TaskGivenUp';
  readonly id: TaskId;
  readonly p: number;
  readonly attempt: number;
  readonly category: Outcome;
  /** Quarantined: it lost its worker again though it ran alone. Left out = no. */
  readonly dead?: true;
}
export interface TasksRemoved {
  readonly type: 'TasksRemoved';
  readonly ids: readonly TaskId[];
  readonly why: 'void' | 'cancelled' | 'withdrawn';
}
export interface QueuePaused {
  readonly type: 'QueuePaused';
  readonly queue: string;
  readonly paused: boolean;
}
/** How long workers may be silent under leases of this queue's tasks, ms, where a task says nothing else; null = LEASE_TTL_MS. */
export interface QueueLeaseTtlSet {
  readonly type: 'QueueLeaseTtlSet';
  readonly queue: string;
  readonly ttlMs: number | null;
}

export type QueueEvent =
  | OwnerTookOver
  | SegmentArchived
  | ClassDefined
  | BatchQueued
  | TaskBackedOff
  | TasksVisible
  | TaskGivenUp
  | TasksRemoved
  | QueuePaused
  | QueueLeaseTtlSet;

export interface WorkerJoined {
  readonly type: 'WorkerJoined';
  readonly worker: WorkerId;
  /** New whenever the worker process itself started anew. */
  readonly incarnation: string;
  readonly kind: 'agent' | 'sdk';
  readonly name: string;
  /** The only tenant it serves, or null for all. */
  readonly tenant: number | null;
  readonly capacity: Readonly<Record<string, number>>;
  readonly handlers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** The gateway that holds its session. */
  readonly gateway: string;
}
export interface WorkerCordoned {
  readonly type: 'WorkerCordoned';
  readonly worker: WorkerId;
  readonly cordoned: boolean;
}
/** Cordoned, and from this time on (ms from here) what it still runs is ended where it stands, or waited for. */
export interface WorkerDraining {
  readonly type: 'WorkerDraining';
  readonly worker: WorkerId;
  readonly forMs: number;
  readonly onDeadline: DrainEnd;
}
/** `checkpoint`: each attempt is ended once it has left a checkpoint, so that nothing of it is lost. */
export type DrainEnd = 'wait' | 'kill' | 'checkpoint';
/** Its leases ended with it; `lost` = silent for the lease's time, `left` = said goodbye, `replaced` = came back as a new process. */
export interface WorkerGone {
  readonly type: 'WorkerGone';
  readonly worker: WorkerId;
  readonly why: 'lost' | 'left' | 'replaced';
}
export interface LeaseGranted {
  readonly type: 'LeaseGranted';
  readonly task: TaskId;
  readonly p: number;
  readonly tenant: number;
  readonly cls: number;
  readonly attempt: number;
  /** epoch * 2^32 + n: never reused, only grows. */
  readonly fence: number;
  readonly worker: WorkerId;
  readonly capMs: number;
  /** Silence of its worker that ends it, ms. Left out = LEASE_TTL_MS. */
  readonly ttlMs?: number;
}
export interface Usage {
  readonly wallMs: number;
  readonly cpuMs: number | null;
  readonly maxRssBytes: number | null;
}
export interface LeaseEnded {
  readonly type: 'LeaseEnded';
  readonly task: TaskId;
  readonly p: number;
  readonly tenant: number;
  readonly attempt: number;
  readonly fence: number;
  readonly worker: WorkerId;
  readonly outcome: Outcome;
  readonly exitCode: number | null;
  readonly usage: Usage | null;
  /** Asked for by the worker: the next attempt starts no sooner than this after the end. */
  readonly retryAfterMs?: number;
  /** `checkpoint`: what the attempt wants its successor to know. */
  readonly sealed: {
    readonly result?: unknown;
    readonly error?: string;
    readonly checkpoint?: unknown;
  } | null;
}
/** No lease runs out within this time from here on, however silent its worker; 0 = that time is over. */
export interface LeasesExtended {
  readonly type: 'LeasesExtended';
  readonly forMs: number;
}
export type LeaseEvent =
  | OwnerTookOver
  | SegmentArchived
  | LeasesExtended
  | WorkerDraining
  | WorkerJoined
  | WorkerCordoned
  | WorkerGone
  | LeaseGranted
  | LeaseEnded;
