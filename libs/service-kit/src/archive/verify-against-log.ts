import { decodeEnvelope, hashOf, NotAnEnvelopeError, type DomainEvent } from '@yardmaster/contracts';
import type { EventLog, LogArchive } from '@yardmaster/ports';
import { decodeSegment } from './segment.js';
import { verifyArchive, type ArchiveReport } from './verify-archive.js';

/**
 * The archive of a stream by itself, and against the stream: where both have a message they have the same, what left the stream is
 * archived, and what its owner wrote down as archived (`SegmentArchived`) is there as it was then. `log`: the broker's.
 */
export async function verifyAgainstLog(
  log: EventLog,
  archive: LogArchive,
  stream: string,
  onMessages: (messages: number) => void = () => undefined,
): Promise<ArchiveReport> {
  const report = await verifyArchive(archive, stream);
  const faults = [...report.faults];
  const { first, last } = await log.head(stream);
  if (report.last > last)
    faults.push(
      `archive of ${stream} goes on to ${String(report.last)}, but the stream ends at ${String(last)}`,
    );
  if (first > 1 && report.last + 1 < first)
    faults.push(
      `stream ${stream} begins at ${String(first)}, but its archive ends at ${String(report.last)}: put back a good copy of the archive`,
    );
  const sealed = new Map(
    (await archive.list(stream)).filter(({ isSealed }) => isSealed).map((name) => [name.last, name]),
  );
  let read = 0;
  for await (const { seq, data } of log.read(stream, first, last)) {
    if (++read % 1_000 === 0) onMessages(1_000);
    if (seq === report.last && hashOf(data) !== report.lastHash)
      faults.push(`archive of ${stream} has another message ${String(seq)} than the stream`);
    for (const event of eventsOf(stream, seq, data)) {
      if (event.type !== 'SegmentArchived') continue;
      const name = sealed.get(event.last);
      const bytes = name === undefined ? null : await archive.read(name);
      if (name === undefined || bytes === null)
        faults.push(
          `archive of ${stream} lacks the segment that ends at ${String(event.last)}, which message ${String(seq)} says is there: put back a good copy of the archive`,
        );
      else if (faults.length === 0 && decodeSegment(name, bytes).header.lastHash !== event.lastHash)
        faults.push(
          `archive segment ${stream} ${String(name.first)}-${String(name.last)} is another than message ${String(seq)} says`,
        );
    }
  }
  onMessages(read % 1_000);
  return { ...report, faults };
}

/** A message that somebody wrote past the owner says nothing; its bytes are a link of the chain all the same. */
function eventsOf(stream: string, seq: number, data: Uint8Array): readonly DomainEvent[] {
  try {
    return decodeEnvelope(stream, seq, data, () => null).events;
  } catch (error) {
    if (error instanceof NotAnEnvelopeError) return [];
    throw error;
  }
}
