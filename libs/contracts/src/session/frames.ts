import { LEASE_TTL_MS, type RunContent, type TaskKind, type Usage, type Outcome } from '@yardmaster/domain';
import type { RunMessage } from './run-message.js';

/**
 * Worker session: one WebSocket at `GET /v1/workers/session?worker=<id>`, bearer key in the Authorization header.
 * Every WebSocket message is one binary frame: a msgpack array of messages, each an array led by its name.
 * The gateway passes frames on without reading them; the resource manager and the owner of the task answer.
 */
export type WorkerMessage =
  | readonly ['join', JoinMessage]
  | readonly ['hb', HeartbeatMessage]
  | readonly ['rep', readonly Report[]]
  | readonly ['note', readonly Note[]]
  /** A goodbye: the worker has nothing left and will not come back. */
  | readonly ['bye'];

/** What its gateway says of a worker: the connection is gone. It may run on, and come back; until then it is given nothing. */
export type GatewayMessage = readonly ['away'];

export type YardMessage =
  | readonly ['welcome', Welcome]
  /** Echo of the heartbeat's `n`. */
  | readonly ['hb-ok', HeartbeatAnswer]
  | RunMessage
  | readonly ['rep-ok', readonly ReportAnswer[]]
  | readonly ['kill', readonly KillOrder[]]
  /** The session is refused or over; `code` is of the error catalogue. */
  | readonly ['err', { readonly code: string; readonly detail: string }];

export interface HeartbeatAnswer {
  readonly n: number;
  readonly epoch: number;
  /** A maintenance is under way: leases do not run out within this time, ms. Left out = none. */
  readonly extendMs?: number;
}

export interface Welcome {
  readonly epoch: number;
  readonly heartbeatMs: number;
  readonly ttlMs: number;
  /** The process that is known: another one of the worker has to join, as its join was lost. */
  readonly incarnation?: string;
}

export interface JoinMessage {
  /** New whenever the worker process itself started anew; the same over reconnects. */
  readonly incarnation: string;
  readonly kind: 'agent' | 'sdk';
  readonly name: string;
  /** Canonical units of ResourceVector; an SDK worker states {slots: concurrency}. */
  readonly capacity: Readonly<Record<string, number>>;
  readonly handlers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Attempts that it runs or whose reports are not yet acknowledged. */
  readonly held: readonly HeldAttempt[];
}

export type HeldAttempt = readonly [task: string, attempt: number, fence: number];

export interface HeartbeatMessage {
  readonly n: number;
  readonly held: readonly HeldAttempt[];
  /** Measured, 0..1. */
  readonly load: number;
}

/** One attempt to run: [task, attempt, fence, work]. On the wire as a RunMessage. */
export type Assignment = readonly [task: string, attempt: number, fence: number, work: Work];

export interface Work {
  readonly kind: TaskKind;
  readonly tenant: number;
  readonly name: string;
  readonly handler: string | null;
  readonly run: RunContent;
  /** Remaining time of the execution cap, ms, never a timestamp. */
  readonly capMs: number;
  /** Results of the parents by key (workflow) or id. */
  readonly parents: Readonly<Record<string, unknown>> | null;
  readonly traceparent: string | null;
  /** Left by an earlier attempt: a JSON value up to 8 KB encoded. Absent = none. */
  readonly checkpoint?: unknown;
  /** Silence of the worker that ends the lease, ms. Absent = LEASE_TTL_MS. */
  readonly leaseTtlMs?: number;
}

/** The end of one attempt. Repeated until it is answered. */
export type Report = readonly [
  task: string,
  attempt: number,
  fence: number,
  outcome: Outcome,
  exitCode: number | null,
  usage: Usage | null,
  /** JSON value up to 8 KB encoded, else {$blob: sha256}. */
  result: unknown,
  error: string | null,
  more?: ReportMore,
];

export interface ReportMore {
  /** The next attempt starts no sooner than this from now, ms. */
  readonly retryAfterMs?: number;
  /** For the next attempt; the last one noted counts when it is left out. */
  readonly checkpoint?: unknown;
}

/** What a running attempt wants known: told when it changes, and again over each new connection. Lost ones do no harm. */
export type Note = readonly [
  task: string,
  attempt: number,
  fence: number,
  /** 0..1, or null when it was never said. */
  progress: number | null,
  /** JSON value up to 8 KB encoded; left out when there is none. */
  checkpoint?: unknown,
];

/** `gone`: the lease is not held any more; drop it. */
export type ReportAnswer = readonly [task: string, attempt: number, fence: number, status: 'ok' | 'gone'];
export type KillOrder = readonly [
  task: string,
  attempt: number,
  fence: number,
  reason: 'cancelled' | 'over-cap' | 'withdrawn' | 'lost' | 'drained',
];

/** A value too large for the log, kept in the blob store. */
export interface BlobRef {
  readonly $blob: string;
}
export function isBlobRef(value: unknown): value is BlobRef {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { $blob?: unknown }).$blob === 'string' &&
    Object.keys(value).length === 1
  );
}

/** What the gateway wraps around a worker's frame: [gateway, worker, tenant scope (null = all), frame]. */
export type RelayUp = readonly [gateway: string, worker: string, scope: number | null, frame: Uint8Array];
/** Messages for one worker's session: [worker, frame]. A batch of them is one NATS message. */
export type RelayDown = readonly [worker: string, frame: Uint8Array];

/** Values above this many encoded bytes travel as blobs. */
export const INLINE_LIMIT = 8 * 1024;
export const HEARTBEAT_MS = 5_000;
export { LEASE_TTL_MS } from '@yardmaster/domain';
/** Longest maintenance: over it, clocks of two machines drift apart by less than the difference of the two times around this. */
export const MAX_MAINTENANCE_MS = 900_000;
/** Silence, since the send time of the last answered heartbeat, after which a worker ends its attempts. */
export const AGENT_STOP_MS = 22_000;
/** The same for a lease of another time, in proportion: what is between the two allows for clocks that drift apart. */
export function stopAfterMs(ttlMs: number): number {
  return Math.floor((ttlMs * AGENT_STOP_MS) / LEASE_TTL_MS);
}
