import type { Envelope } from '@yardmaster/contracts';
import type { GraphWriter } from '@yardmaster/ports';
import { breathe, type CommittedLog } from '@yardmaster/service-kit';
import { historyOf } from '../follow/history.js';
import type { Position } from '../follow/stream-cursor.js';
import { eventsIn } from '../projection.js';
import { GraphFold } from './graph-fold.js';

/** Events folded into one batch. */
const CHUNK = 10_000;

/** Writes the log up to positions into an empty graph. */
export async function replayGraph(
  graph: GraphWriter,
  log: CommittedLog,
  positions: ReadonlyMap<string, Position>,
  onEvents: (events: number) => void,
): Promise<void> {
  const fold = new GraphFold();
  for (const [stream, end] of positions) {
    let from = 0;
    let chunk: Envelope[] = [];
    let events = 0;
    const write = async (to: Position): Promise<void> => {
      await graph.write({ stream, from, to, ...fold.fold(chunk) });
      onEvents(events);
      from = to.seq;
      chunk = [];
      events = 0;
      await breathe();
    };
    for await (const envelopes of historyOf(log, stream, end)) {
      chunk.push(...envelopes);
      events += eventsIn(envelopes);
      const last = envelopes.at(-1);
      if (events >= CHUNK && last !== undefined && last.seq < end.seq) await write(last);
    }
    if (end.seq > from) await write(end);
  }
}
