import { readFileSync } from 'node:fs';
import path from 'node:path';
import { allStreams, decodeEnvelope, unpack } from '@yardmaster/contracts';
import { openNatsEventLog } from '@yardmaster/eventlog-nats';

const PARTITIONS = 8;

export interface LogOfYard {
  /** How each task ended, by every end that the streams of the partitions hold. */
  readonly ends: ReadonlyMap<string, readonly string[]>;
  /** Versions of all its envelopes. */
  readonly versions: ReadonlySet<unknown>;
}

/** What the log of a yard says, read from its own broker. */
export async function readLogOf(home: string): Promise<LogOfYard> {
  const { nats } = JSON.parse(readFileSync(path.join(home, 'servers.secret.json'), 'utf8')) as {
    nats: string;
  };
  const config = readFileSync(path.join(home, 'nats', 'nats-server.conf'), 'utf8');
  const port = /listen: "127\.0\.0\.1:(\d+)"/.exec(config)?.[1] ?? '';
  const log = await openNatsEventLog({
    url: `nats://127.0.0.1:${port}`,
    user: 'yard',
    password: nats,
    name: 'checker',
    replicas: 1,
    syncAlways: true,
  });
  const ends = new Map<string, string[]>();
  const versions = new Set<unknown>();
  try {
    for (const stream of allStreams(PARTITIONS)) {
      const { first, last } = await log.head(stream);
      if (stream === 'dead-letters') continue;
      for await (const { seq, data } of log.read(stream, first, last)) {
        versions.add((unpack(data) as unknown[])[0]);
        if (!stream.startsWith('tasks-')) continue;
        for (const event of decodeEnvelope(stream, seq, data, () => null).events) {
          if (event.type !== 'TaskSucceeded' && event.type !== 'TaskFailed' && event.type !== 'TaskCancelled')
            continue;
          ends.set(event.id, [...(ends.get(event.id) ?? []), event.type]);
        }
      }
    }
  } finally {
    await log.close();
  }
  return { ends, versions };
}
