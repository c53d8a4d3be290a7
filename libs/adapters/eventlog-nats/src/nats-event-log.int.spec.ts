import { FaultProxy, NatsBroker, describeEventLog, type EventLogWorld } from '@yardmaster/testkit';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsEventLog } from './nats-event-log.js';
import { openNatsEventLog } from './open-nats-event-log.js';

async function world(replicas: 1 | 3): Promise<EventLogWorld> {
  const brokers = await NatsBroker.start(replicas);
  const proxies = await Promise.all(brokers.map((broker) => FaultProxy.start(broker.port)));
  const open = (urls: string[], name: string): Promise<NatsEventLog> =>
    openNatsEventLog({
      url: urls.join(','),
      name,
      replicas,
      syncAlways: true,
      deadlineMs: 30_000,
      answerTimeoutMs: 500,
    });
  let turn = 0;
  return {
    open: () =>
      open(
        proxies.map((proxy) => `nats://127.0.0.1:${String(proxy.port)}`),
        'process',
      ),
    observe: () =>
      open(
        brokers.map((broker) => broker.url),
        'observer',
      ),
    async loseAnswers(during) {
      for (const proxy of proxies) proxy.loseAnswers();
      try {
        await during();
      } finally {
        // A link that lost part of what was said cannot go on: it is cut, as a real one would be.
        for (const proxy of proxies) {
          proxy.heal();
          proxy.cut();
        }
      }
    },
    async outage(during) {
      const victim = brokers[turn++ % brokers.length]!;
      await victim.kill();
      try {
        await during();
        await sleep(300);
      } finally {
        await victim.up();
      }
    },
    disconnect() {
      for (const proxy of proxies) proxy.cut();
      return Promise.resolve();
    },
    async close() {
      for (const proxy of proxies) await proxy.close();
      for (const broker of brokers) await broker.remove();
    },
  };
}

describeEventLog('NATS, one server', () => world(1), { recoveryMs: 15_000 });
describeEventLog('NATS, three servers', () => world(3), { recoveryMs: 30_000 });
