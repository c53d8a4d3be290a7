/** Wall time in ms since 1970 UTC. Data only: order comes from the log. */
export type EpochMs = number;

/** Time source that decisions are given from outside. */
export interface Clock {
  /** Wall clock, ms since 1970 UTC. */
  now(): EpochMs;
  /** Monotonic clock, ms since an arbitrary start; only differences mean something. */
  monotonic(): number;
}
