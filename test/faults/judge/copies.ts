import { createHash } from 'node:crypto';
import { streams } from '@yardmaster/contracts';
import { openNatsEventLog } from '@yardmaster/eventlog-nats';
import { BrokerAdmin } from '../tools/broker-admin.js';
import { until } from '../tools/until.js';
import type { YardUnderTest } from '../yard/yard-under-test.js';

const STREAMS = [streams.tasks(0), streams.queue(), streams.leases()];

/** I13 on every copy: steps the leader of the busiest streams through all three servers and reads each one's copy whole. */
export async function faultsOfCopies({ servers }: YardUnderTest): Promise<string[]> {
  const faults: string[] = [];
  await using admin = await BrokerAdmin.of(servers);
  const log = await openNatsEventLog({
    url: servers.natsUrl(),
    user: 'yard',
    password: servers.secret('nats'),
    name: 'judge of copies',
    replicas: 3,
    syncAlways: true,
  });
  try {
    for (const stream of STREAMS) {
      const { last } = await log.head(stream);
      const copies = new Map<string, string>();
      for (const server of servers.brokers()) {
        await lead(admin, stream, server);
        const hash = createHash('sha256');
        let read = 0;
        try {
          for await (const { seq, data } of log.read(stream, 1, last)) {
            hash.update(`${String(seq)} `).update(data);
            read++;
          }
        } catch (error) {
          hash.update(String(error));
        }
        copies.set(server, `${String(read)} of ${String(last)} messages, ${hash.digest('hex').slice(0, 12)}`);
      }
      if (new Set(copies.values()).size > 1)
        faults.push(
          `I13 the copies of ${stream} differ: ${[...copies].map(([server, copy]) => `${server}: ${copy}`).join('; ')}`,
        );
    }
  } finally {
    await log.close();
  }
  return faults;
}

/** Asks for this leader until it leads. */
async function lead(admin: BrokerAdmin, stream: string, server: string): Promise<void> {
  await until(
    `${server} to lead ${stream}`,
    async () => {
      const now = await admin.leaderOf(stream).catch(() => '');
      if (now === server) return true;
      if (now !== '') await admin.stepDown(stream, server.replace('nats', 'yard')).catch(() => false);
      return false;
    },
    { withinMs: 60_000, everyMs: 500 },
  );
}
