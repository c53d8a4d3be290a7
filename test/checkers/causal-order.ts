import type { Envelope } from '@yardmaster/contracts';
import { eventsOf, type LogRecord, taskStreams } from './log-record.js';

/**
 * All envelopes on disk in one order that keeps each stream's own and puts what an envelope rests on before it, as far as that
 * survived. A push is a message: the queue may write it down before it has followed what made the tasks ready, which the
 * batcher had seen; here it comes after that all the same.
 */
export function causalOrder(log: LogRecord, streams: readonly string[] = log.streams): Envelope[] {
  const readied = readiedAt(log);
  const tracks = streams.map((stream) => ({ stream, envelopes: log.disk(stream), next: 0 }));
  const order: Envelope[] = [];
  const isThere = ([stream, seq, hash]: Envelope['causes'][number]): boolean => {
    const on = tracks.find((track) => track.stream === stream);
    // A position that holds something else by now names what was lost.
    return on === undefined || on.next >= seq || on.envelopes[seq - 1]?.hash.startsWith(hash) !== true;
  };
  const isReached = ({ stream, seq }: Envelope): boolean =>
    (tracks.find((track) => track.stream === stream)?.next ?? seq) >= seq;
  for (;;) {
    const open = tracks.filter((track) => track.next < track.envelopes.length);
    if (open.length === 0) return order;
    const isFree = ({ envelopes, next }: (typeof open)[number], hasPushes: boolean): boolean => {
      const envelope = envelopes[next];
      return (
        envelope?.causes.every(isThere) === true &&
        (!hasPushes || pushedIn(envelope).every((id) => (readied.get(id) ?? []).every(isReached)))
      );
    };
    const free =
      open.find((track) => isFree(track, true)) ?? open.find((track) => isFree(track, false)) ?? open[0];
    const envelope = free?.envelopes[free.next];
    if (free === undefined || envelope === undefined) return order;
    free.next++;
    order.push(envelope);
  }
}

/** True when something on disk rests on what a crash took away. */
export function hasLostCauses(log: LogRecord): boolean {
  return log.streams.some((name) =>
    log.disk(name).some((envelope) => lostCausesOf(log, envelope).length > 0),
  );
}

/** Causes of an envelope that are not in the log, or not as they were. */
export function lostCausesOf(log: LogRecord, { causes }: Envelope): Envelope['causes'] {
  return causes.filter(
    ([stream, seq, hash]) =>
      log.streams.includes(stream) && log.disk(stream)[seq - 1]?.hash.startsWith(hash) !== true,
  );
}

function pushedIn({ events }: Envelope): string[] {
  return events.flatMap((event) => (event.type === 'BatchQueued' ? event.tasks.map(({ id }) => id) : []));
}

/** By task, the owner's envelopes that made it ready: submitted, due, released. */
function readiedAt(log: LogRecord): Map<string, Envelope[]> {
  const readied = new Map<string, Envelope[]>();
  const note = (id: string, envelope: Envelope): void => {
    const known = readied.get(id);
    if (known === undefined) readied.set(id, [envelope]);
    else known.push(envelope);
  };
  for (const stream of taskStreams(log))
    for (const { event, envelope } of eventsOf(log, stream)) {
      if (event.type === 'TaskSubmitted') note(event.id, envelope);
      else if (event.type === 'TasksDue') for (const id of event.ids) note(id, envelope);
      else if (event.type === 'TaskSucceeded') for (const id of event.released) note(id, envelope);
    }
  return readied;
}
