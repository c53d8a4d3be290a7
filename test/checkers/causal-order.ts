import type { Envelope } from '@yardmaster/contracts';
import type { LogRecord } from './log-record.js';

/** All envelopes on disk in one order that keeps each stream's own and puts what an envelope rests on before it, as far as
 * that survived. */
export function causalOrder(log: LogRecord, streams: readonly string[] = log.streams): Envelope[] {
  const tracks = streams.map((stream) => ({ stream, envelopes: log.disk(stream), next: 0 }));
  const order: Envelope[] = [];
  const isThere = ([stream, seq, hash]: Envelope['causes'][number]): boolean => {
    const on = tracks.find((track) => track.stream === stream);
    // A position that holds something else by now names what was lost.
    return on === undefined || on.next >= seq || on.envelopes[seq - 1]?.hash.startsWith(hash) !== true;
  };
  for (;;) {
    const open = tracks.filter((track) => track.next < track.envelopes.length);
    if (open.length === 0) return order;
    const free = open.find((track) => track.envelopes[track.next]?.causes.every(isThere) === true) ?? open[0];
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
