import type { Envelope } from '@yardmaster/contracts';

/** Committed envelopes of one stream, in order, from a position on. Pull, so a slow reader bounds its own memory. */
export interface CommittedFeed {
  /** Waits until there is at least one envelope; returns some, about `maxEvents` events. Rejects on a gap or a broken chain. */
  next(maxEvents: number): Promise<readonly Envelope[]>;
  stop(): void;
}

/** Where committed envelopes come from: the process's own hub, or the broker. Whole commit groups only. */
export interface CommittedLog {
  /** How much of all streams has come to this process so far, in events, roughly: how fast it grows tells how busy the yard is. */
  readonly arrived: number;
  /** Envelopes with sequence > `after`. */
  feed(stream: string, after: number): CommittedFeed;
  /** Last committed sequence that this process knows of. */
  head(stream: string): Promise<number>;
  /** Envelopes `from`..`to` of a stream, from the log. */
  read(stream: string, from: number, to: number): AsyncIterable<Envelope>;
}
