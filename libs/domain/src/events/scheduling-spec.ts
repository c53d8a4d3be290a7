/** Amounts in canonical units: cpu and gpu in thousandths, memory and disk in bytes, network in bit/s,
 * iops, ports, slots and custom names as counts. A name that is absent counts as 0. */
export type ResourceVector = Readonly<Record<string, number>>;

export type TaskKind = 'script' | 'command' | 'handler';

export type PlacementStrategy = 'bin-pack' | 'spread' | 'least-loaded' | 'round-robin';

/** How an attempt ended. `ok` is the only good one; the rest are failure categories of scheduling.md 7. */
export type Outcome =
  | 'ok'
  | 'app'
  | 'permanent'
  | 'over-memory'
  | 'over-disk'
  | 'over-cap'
  | 'lost'
  | 'preempted'
  | 'drained'
  /** Put back by its handler, to be tried later. */
  | 'snoozed'
  | 'cancelled'
  | 'superseded'
  | 'withdrawn'
  | 'void'
  | 'gang-broken'
  | 'infra';

export interface RetryPolicy {
  /** Executions in all, the first included; only `app` and `over-*` use them up. */
  readonly maxAttempts: number;
  /** Separate budget for `lost`, `infra` and `gang-broken`. */
  readonly lostBudget: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  /** Categories to retry; null = all that are retryable. */
  readonly on: readonly Outcome[] | null;
}

/** Everything about a task that ordering and placement look at. Many tasks share one, so it is interned:
 * defined once in a stream, then named by its number. */
export interface SchedulingSpec {
  readonly kind: TaskKind;
  /** Handler name for kind `handler`, else null. */
  readonly handler: string | null;
  readonly resources: ResourceVector;
  readonly queue: string;
  /** Higher goes sooner: system 4, urgent 3, normal 2, batch 1, best-effort 0. */
  readonly classRank: number;
  /** 0-1000, higher goes sooner. */
  readonly priority: number;
  readonly strategy: PlacementStrategy | null;
  /** Longest wanted wait from eligible to first start; null = none named. */
  readonly delayToleranceMs: number | null;
  /** Longest run of one attempt, from the grant of its lease. */
  readonly capMs: number;
  readonly retry: RetryPolicy;
  readonly idempotent: boolean;
  /** Labels that the worker must carry. */
  readonly require: Readonly<Record<string, string>>;
  /** How long its worker may be silent before its lease ends, ms. Left out = its queue's, else LEASE_TTL_MS. */
  readonly leaseTtlMs?: number;
}
