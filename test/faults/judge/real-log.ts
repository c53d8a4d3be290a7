import path from 'node:path';
import { DiskLogArchive } from '@yardmaster/archive-disk';
import { allStreams, type Envelope, streams } from '@yardmaster/contracts';
import { openNatsEventLog } from '@yardmaster/eventlog-nats';
import { FileTenantKeystore } from '@yardmaster/keystore-file';
import { readMessage, withArchive } from '@yardmaster/service-kit';
import { endsIn } from './ends-in.js';
import type { LogRecord } from '../../checkers/index.js';
import type { YardUnderTest } from '../yard/yard-under-test.js';

const PARTITIONS = 8;

/** The log of a yard as far as it was read. What lies on disk never changes, so that reading goes on where it stopped. */
export class RealLog implements LogRecord {
  readonly streams: readonly string[] = allStreams(PARTITIONS).filter((name) => name !== streams.deadLetters);
  /** How each task ended. */
  readonly ends = new Map<string, string>();
  events = 0;
  takeovers = 0;
  readonly #envelopes = new Map<string, Envelope[]>(this.streams.map((name) => [name, []]));

  disk(stream: string): readonly Envelope[] {
    return this.#envelopes.get(stream) ?? [];
  }

  async readOn({ home, servers, replicas }: YardUnderTest): Promise<void> {
    const stored = await openNatsEventLog({
      url: servers.natsUrl(),
      user: 'yard',
      password: servers.secret('nats'),
      name: 'judge',
      replicas,
      syncAlways: true,
    });
    try {
      const log = withArchive(stored, new DiskLogArchive(path.join(home, 'archive')));
      const keystore = new FileTenantKeystore(path.join(home, 'keys'));
      for (const stream of this.streams) {
        const known = this.#envelopes.get(stream) ?? [];
        const { last } = await log.head(stream);
        for await (const message of log.read(stream, (known.at(-1)?.seq ?? 0) + 1, last)) {
          const envelope = readMessage(stream, message, null, keystore);
          known.push(envelope);
          this.#note(envelope);
        }
      }
    } finally {
      await stored.close();
    }
  }

  #note({ events }: Envelope): void {
    this.events += events.length;
    for (const event of events) {
      if (event.type === 'OwnerTookOver') this.takeovers++;
      for (const [id, how] of endsIn(event)) this.ends.set(id, how);
    }
  }
}
