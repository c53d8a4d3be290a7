import { setTimeout as sleep } from 'node:timers/promises';
import { hashOf } from '@yardmaster/contracts';
import type { EventLog, LogArchive } from '@yardmaster/ports';
import { coverage } from '../archive/archiver.js';
import { decodeSegment } from '../archive/segment.js';

/** Why a yard does not start on what it finds, in words that say what mends it. */
export class StartRefusedError extends Error {
  override readonly name = 'StartRefusedError';
  readonly code = 'start-refused';
}

/** A new leader of the broker may be behind for a moment. */
const TRIES = 4;
const AGAIN_MS = 500;

export interface CheckedLog {
  /** The broker's, without its archive. */
  readonly log: EventLog;
  readonly archive: LogArchive;
  /** Where the archive is, for a person. */
  readonly place: string;
  readonly streams: readonly string[];
}

/** Throws StartRefusedError when the broker knows less than the archive has seen, or other things: to write on would fork the past. */
export async function mustFitArchive(checked: CheckedLog): Promise<void> {
  await Promise.all(checked.streams.map((stream) => mustFit(stream, checked)));
}

async function mustFit(stream: string, { log, archive, place }: CheckedLog): Promise<void> {
  // The archive first: the stream only grows meanwhile.
  const newest = coverage(await archive.list(stream)).at(-1);
  if (newest === undefined) return;
  let { first, last } = await log.head(stream);
  for (let tries = 1; last < newest.last && tries < TRIES; tries++) {
    await sleep(AGAIN_MS);
    ({ first, last } = await log.head(stream));
  }
  const wayOut = `put back the copy of the broker's data that belongs to this archive; or, to give up what came after, \`mv ${place} ${place}.given-up\` and start with YARD_REBUILD=1`;
  if (last < newest.last)
    throw new StartRefusedError(
      `stream ${stream} ends at ${String(last)} in the broker, but its archive goes on to ${String(newest.last)}: the broker's data is an older copy, was lost, or is another yard's; ${wayOut}`,
    );
  if (newest.last < first) return;
  const bytes = await archive.read(newest);
  // A longer one took its place meanwhile.
  if (bytes === null) return;
  const { header } = decodeSegment(newest, bytes);
  for await (const { data } of log.read(stream, newest.last, newest.last))
    if (hashOf(data) !== header.lastHash)
      throw new StartRefusedError(
        `stream ${stream} has another message ${String(newest.last)} in the broker than in its archive: they are of two yards, or of two pasts of one; ${wayOut}`,
      );
}

/** What a view says that it has seen. */
export interface SeenPosition {
  readonly seq: number;
  readonly hash: string;
}

/** Throws StartRefusedError when a view has seen more of the log than there is. `log` with its archive. */
export async function mustNotBeAhead(
  what: string,
  positions: ReadonlyMap<string, SeenPosition>,
  log: EventLog,
): Promise<void> {
  for (const [stream, { seq, hash }] of positions) {
    const { last } = await log.head(stream);
    const wayOut = `put back the copy of the log that belongs to it; or \`YARD_REBUILD=1 npm start\` makes it anew from this log`;
    if (seq > last)
      throw new StartRefusedError(
        `${what} has seen stream ${stream} up to ${String(seq)}, but the log ends at ${String(last)}: the log is an older copy, or another yard's; ${wayOut}`,
      );
    for await (const { data } of log.read(stream, seq, seq))
      if (hashOf(data) !== hash)
        throw new StartRefusedError(
          `${what} has seen another message ${String(seq)} of stream ${stream} than the log has; ${wayOut}`,
        );
  }
}
