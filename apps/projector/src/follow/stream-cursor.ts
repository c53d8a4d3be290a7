import { CHAIN_START, type Envelope } from '@yardmaster/contracts';
import type { CommittedLog } from '@yardmaster/service-kit';
import { BrokenSequenceError, ForeignPositionError } from './errors.js';

export interface Position {
  readonly seq: number;
  readonly hash: string;
}

export const NOWHERE: Position = { seq: 0, hash: CHAIN_START };

/** Up to where one stream is known, and whether the next envelope follows on it. */
export class StreamCursor {
  #at: Position;

  constructor(
    readonly stream: string,
    start: Position,
  ) {
    this.#at = start;
  }

  get at(): Position {
    return this.#at;
  }

  /** False for what was seen before. */
  accept({ seq, prev, hash }: Envelope): boolean {
    if (seq <= this.#at.seq) return false;
    if (seq !== this.#at.seq + 1 || prev !== this.#at.hash)
      throw new BrokenSequenceError(this.stream, this.#at.seq, seq);
    this.#at = { seq, hash };
    return true;
  }
}

/** Cursors from stored positions, after a look whether the log holds the very envelopes that they name. */
export async function openCursors(
  log: CommittedLog,
  streams: readonly string[],
  stored: ReadonlyMap<string, Position>,
  what: string,
): Promise<Map<string, StreamCursor>> {
  const cursors = new Map<string, StreamCursor>();
  for (const stream of streams) {
    const position = stored.get(stream) ?? NOWHERE;
    if (position.seq > 0) await mustBeIn(log, stream, position, what);
    cursors.set(stream, new StreamCursor(stream, position));
  }
  return cursors;
}

async function mustBeIn(
  log: CommittedLog,
  stream: string,
  { seq, hash }: Position,
  what: string,
): Promise<void> {
  const head = await log.head(stream);
  if (seq > head) throw new ForeignPositionError(what, stream, seq, head);
  for await (const envelope of log.read(stream, seq, seq))
    if (envelope.hash !== hash) throw new ForeignPositionError(what, stream, seq, head);
}
