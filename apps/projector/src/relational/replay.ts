import type { ReadModelWriter } from '@yardmaster/readmodel-postgres';
import { breathe, type CommittedLog } from '@yardmaster/service-kit';
import { historyInOrder } from '../follow/history.js';
import type { Position } from '../follow/stream-cursor.js';
import { eventsIn } from '../projection.js';
import { BATCH_ROWS, RelationalBatch } from './relational-batch.js';

/** Writes the log up to positions into empty tables, and closes the writer. */
export async function replayInto(
  writer: ReadModelWriter,
  log: CommittedLog,
  positions: ReadonlyMap<string, Position>,
  onEvents: (events: number) => void,
): Promise<void> {
  const stored = new Map<string, Position>();
  let batch = new RelationalBatch(stored);
  let writing: Promise<void> = Promise.resolve();
  const write = async (): Promise<void> => {
    await writing;
    writing = writer.write(batch.fold, batch.advances, breathe);
    writing.catch(() => undefined);
    batch = new RelationalBatch(stored);
  };
  try {
    for await (const envelopes of historyInOrder(log, positions)) {
      await batch.add(envelopes);
      onEvents(eventsIn(envelopes));
      if (batch.fold.rows >= BATCH_ROWS) await write();
    }
    await write();
    await writing;
  } finally {
    await writing.catch(() => undefined);
    await writer.close();
  }
}
