import type { Envelope } from '@yardmaster/contracts';
import { streams } from '@yardmaster/contracts';
import type { DomainEvent } from '@yardmaster/domain';
import type { EventLog, TenantKeystore } from '@yardmaster/ports';
import { readMessage } from '@yardmaster/service-kit';

/** What is on disk: a simulated cell's streams, or those of a real yard as `readLog` found them. */
export interface LogRecord {
  readonly streams: readonly string[];
  /** Envelopes of one stream, in order. */
  disk(stream: string): readonly Envelope[];
}

/** Reads whole streams as they lie, without judging them: that is what the checkers are for. */
export async function readLog(
  log: EventLog,
  keystore: TenantKeystore,
  names: readonly string[],
): Promise<LogRecord> {
  const envelopes = new Map<string, Envelope[]>();
  for (const stream of names) {
    if (stream === streams.deadLetters) continue;
    const { first, last } = await log.head(stream);
    const found: Envelope[] = [];
    for await (const message of log.read(stream, Math.max(1, first), last))
      found.push(readMessage(stream, message, null, keystore));
    envelopes.set(stream, found);
  }
  return { streams: [...envelopes.keys()], disk: (stream) => envelopes.get(stream) ?? [] };
}

/** Every event of one stream with the envelope that carries it. */
export function* eventsOf(
  log: LogRecord,
  stream: string,
): Generator<{ readonly event: DomainEvent; readonly envelope: Envelope }> {
  for (const envelope of log.disk(stream)) for (const event of envelope.events) yield { event, envelope };
}

/** Names of the task partitions' streams. */
export function taskStreams(log: LogRecord): string[] {
  return log.streams.filter((stream) => stream.startsWith('tasks-'));
}
