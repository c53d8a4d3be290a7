import {
  LogGapError,
  type EventLog,
  type LogArchive,
  type LogFollower,
  type StoredMessage,
} from '@yardmaster/ports';
import { coverage } from './archiver.js';
import { decodeSegment } from './segment.js';

/** A log with its archive behind it: what the stream does not hold any more, or lost, is read from there. All else is the log's. */
export function withArchive(log: EventLog, archive: LogArchive): EventLog {
  return {
    durability: log.durability,
    ensure: (streams) => log.ensure(streams),
    head: (stream) => headOf(log, archive, stream),
    read: (stream, from, to) => readThrough(log, archive, stream, from, to),
    follow: (stream, from, onMessage, onFailure) =>
      followThrough(log, archive, stream, from, onMessage, onFailure),
    writer: (stream, last) => log.writer(stream, last),
    appendUnfenced: (stream, msgId, data) => log.appendUnfenced(stream, msgId, data),
    purge: (stream, upTo) => log.purge(stream, upTo),
    close: () => log.close(),
  };
}

/** What the stream does not hold any more comes from the archive first, also when it left while the follower stood still; the rest as it comes. */
async function followThrough(
  log: EventLog,
  archive: LogArchive,
  stream: string,
  from: number,
  onMessage: (message: StoredMessage) => void,
  onFailure: (error: Error) => void,
): Promise<LogFollower> {
  let next = from;
  let isStopped = false;
  let follower: LogFollower | null = null;
  const take = (message: StoredMessage): void => {
    if (isStopped) return;
    next = message.seq + 1;
    onMessage(message);
  };
  const open = async (): Promise<void> => {
    while (!isStopped) {
      const { first, last } = await log.head(stream);
      if (next >= first) {
        follower = await log.follow(stream, next, take, fail);
        if (isStopped) follower.stop();
        return;
      }
      for await (const message of readThrough(log, archive, stream, next, Math.min(first - 1, last)))
        take(message);
    }
  };
  const goOn = async (gap: LogGapError): Promise<void> => {
    // Any other hole is damage, which going on would hide.
    if (next >= (await log.head(stream)).first) throw gap;
    await open();
  };
  const fail = (error: Error): void => {
    if (isStopped) return;
    if (error instanceof LogGapError) goOn(error).catch(onFailure);
    else onFailure(error);
  };
  await open();
  return {
    stop: () => {
      isStopped = true;
      follower?.stop();
    },
  };
}

/** `first` is the first that can be read here. */
async function headOf(
  log: EventLog,
  archive: LogArchive,
  stream: string,
): Promise<{ readonly first: number; readonly last: number }> {
  const { first, last } = await log.head(stream);
  if (first <= 1) return { first, last };
  const archived = coverage(await archive.list(stream));
  const reaches = (archived.at(-1)?.last ?? 0) + 1 >= first;
  return { first: reaches ? Math.min(first, archived[0]?.first ?? first) : first, last };
}

async function* readThrough(
  log: EventLog,
  archive: LogArchive,
  stream: string,
  from: number,
  to: number,
): AsyncGenerator<StoredMessage> {
  let next = from;
  while (next <= to) {
    let gap: LogGapError;
    try {
      for await (const message of log.read(stream, next, to)) {
        yield message;
        next = message.seq + 1;
      }
      return;
    } catch (error) {
      if (!(error instanceof LogGapError)) throw error;
      gap = error;
    }
    const segment = coverage(await archive.list(stream)).find(
      ({ first, last }) => first <= next && next <= last,
    );
    const bytes = segment === undefined ? null : await archive.read(segment);
    if (segment === undefined || bytes === null) throw gap;
    for (const message of decodeSegment(segment, bytes).messages) {
      if (message.seq < next || message.seq > to) continue;
      yield message;
      next = message.seq + 1;
    }
  }
}
