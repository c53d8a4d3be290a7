import type { DomainEvent } from '@yardmaster/domain';

/** A followed position that the writer had applied when it decided: stream, sequence, first 8 bytes of the envelope's hash (hex). */
export type Cause = readonly [stream: string, seq: number, hash: string];

/** Part `k` of `n` (1-based) of a change larger than one envelope; it counts only when all parts are there. */
export interface CommitGroup {
  readonly id: string;
  readonly k: number;
  readonly n: number;
}

/** One message of the log: the events of one group commit, in order. */
export interface Envelope {
  readonly stream: string;
  readonly seq: number;
  readonly node: string;
  readonly epoch: number;
  /** Unique; also the message id in the broker. */
  readonly commit: string;
  /** Wall clock of the decisions, epoch ms. */
  readonly at: number;
  /** Random seed of the decisions, 32 bit. */
  readonly seed: number;
  /** Hash of the configuration that decided, 8 hex digits. */
  readonly config: string;
  /** Only what changed since the writer's envelope before. */
  readonly causes: readonly Cause[];
  readonly group: CommitGroup | null;
  readonly events: readonly DomainEvent[];
  /** sha256 of the message, hex. */
  readonly hash: string;
  /** sha256 of the message before in this stream, hex; 64 zeros for the first. */
  readonly prev: string;
}
