/** A message as the log stores it. `seq` starts at 1 and has no gaps. */
export interface StoredMessage {
  readonly stream: string;
  readonly seq: number;
  /** Chosen by the writer, unique: tells one's own message again after an answer was lost. */
  readonly msgId: string;
  readonly data: Uint8Array;
}

export interface StreamSpec {
  readonly name: string;
  readonly subject: string;
  /** Reserved at creation, bytes; null = the adapter's share of its store. */
  readonly maxBytes: number | null;
  /** When it is full: `all` (the default) refuses what is new, `newest` drops what is oldest. */
  readonly keep?: 'all' | 'newest';
}

/**
 * What became of an append.
 * - `stored`: on disk at a quorum under `seq`.
 * - `refused`: someone else wrote at the expected place: the writer does not own the stream any more.
 * - `unresolved`: the deadline passed without knowing; the message may or may not be stored.
 */
export type AppendOutcome =
  | { readonly kind: 'stored'; readonly seq: number }
  | { readonly kind: 'refused'; readonly head: number }
  | { readonly kind: 'unresolved'; readonly reason: string };

/** The one writer of a stream. Appends are pipelined and resolve in order; after the first that is not
 * `stored` all later ones end the same way. */
export interface LogWriter {
  /** Sequence that the next append will get. */
  readonly next: number;
  append(msgId: string, data: Uint8Array): Promise<AppendOutcome>;
}

export interface LogFollower {
  stop(): void;
}

export interface LogDurability {
  /** `always`: an acknowledged message is on disk; `unverified`: the broker did not say. */
  readonly sync: 'always' | 'unverified' | 'memory';
  readonly replicas: number;
  readonly server: string;
}

/** An ordered, durable log of named streams, each with one writer fenced by the expected sequence. */
export interface EventLog {
  readonly durability: LogDurability;
  /** Creates what is missing; leaves what exists as it is. */
  ensure(streams: readonly StreamSpec[]): Promise<void>;
  /** Sequence of the last message, 0 when empty; and of the first one kept. */
  head(stream: string): Promise<{ readonly first: number; readonly last: number }>;
  /** Messages `from`..`to` in order, both included; throws LogGapError where one is missing. */
  read(stream: string, from: number, to: number): AsyncIterable<StoredMessage>;
  /** Calls back for each message from `from` on, in order without gaps, until stopped. `onFailure` hears of a gap or of a follower that can't go on. */
  follow(
    stream: string,
    from: number,
    onMessage: (message: StoredMessage) => void,
    onFailure: (error: Error) => void,
  ): Promise<LogFollower>;
  /** `last` is the sequence after which this writer goes on. */
  writer(stream: string, last: number): LogWriter;
  /** Append without fence or order, for dead letters. */
  appendUnfenced(stream: string, msgId: string, data: Uint8Array): Promise<void>;
  /** Removes what lies before `upTo`, and `upTo` itself; never the last message of a stream. Doing it again changes nothing. */
  purge(stream: string, upTo: number): Promise<void>;
  close(): Promise<void>;
}

/** A sequence is missing: whoever reads must stop, never go past it. */
export class LogGapError extends Error {
  override readonly name = 'LogGapError';
  readonly code = 'log-gap';
  constructor(
    readonly stream: string,
    readonly expected: number,
    readonly found: number,
  ) {
    super(`stream ${stream} lacks sequence ${String(expected)} (next found: ${String(found)})`);
  }
}
