import type { Envelope } from '@yardmaster/contracts';
import { CommitGroups, type CommittedLog } from '@yardmaster/service-kit';
import { ForeignPositionError } from './errors.js';
import { NOWHERE, StreamCursor, type Position } from './stream-cursor.js';

/** One stream from its beginning to a position, whole commit groups only. Throws when the log has another envelope there. */
export async function* historyOf(
  log: CommittedLog,
  stream: string,
  to: Position,
): AsyncGenerator<readonly Envelope[]> {
  const cursor = new StreamCursor(stream, NOWHERE);
  const groups = new CommitGroups();
  for await (const envelope of log.read(stream, 1, to.seq)) {
    cursor.accept(envelope);
    const whole = groups.accept(envelope);
    if (whole.length > 0) yield whole;
  }
  if (cursor.at.seq !== to.seq || cursor.at.hash !== to.hash)
    throw new ForeignPositionError('what is stored', stream, to.seq, cursor.at.seq);
}

/** Several streams from their beginning, oldest first as their writers' clocks say. */
export async function* historyInOrder(
  log: CommittedLog,
  positions: ReadonlyMap<string, Position>,
): AsyncGenerator<readonly Envelope[]> {
  const sources: { readonly rest: AsyncGenerator<readonly Envelope[]>; next: readonly Envelope[] }[] = [];
  try {
    for (const [stream, to] of positions) {
      const rest = historyOf(log, stream, to);
      const first = await rest.next();
      if (first.done !== true) sources.push({ rest, next: first.value });
    }
    while (sources.length > 0) {
      const oldest = sources.reduce((a, b) => (atOf(b.next) < atOf(a.next) ? b : a));
      yield oldest.next;
      const more = await oldest.rest.next();
      if (more.done === true) sources.splice(sources.indexOf(oldest), 1);
      else oldest.next = more.value;
    }
  } finally {
    for (const { rest } of sources) await rest.return(undefined);
  }
}

function atOf(envelopes: readonly Envelope[]): number {
  return envelopes[0]?.at ?? Infinity;
}
