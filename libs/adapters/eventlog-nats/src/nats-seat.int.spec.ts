import { setTimeout as sleep } from 'node:timers/promises';
import { describeSeat, NatsBroker } from '@yardmaster/testkit';
import { connectNats } from './nats-connection.js';
import { NatsSeat } from './nats-seat.js';

seatOf(1);
seatOf(3);

function seatOf(replicas: 1 | 3): void {
  describeSeat(`nats-server with ${String(replicas)} replica(s)`, async () => {
    const brokers = await NatsBroker.start(replicas);
    const nc = await connectNats({ url: brokers.map(({ url }) => url).join(','), name: 'seat' });
    // A cluster of brokers needs a moment until it can place a bucket.
    for (let tries = 0; ; tries++) {
      try {
        await NatsSeat.open(nc, replicas, { node: 'first', incarnation: '0' });
        break;
      } catch (error) {
        if (tries > 100) throw error;
        await sleep(100);
      }
    }
    return {
      open: (holder) => NatsSeat.open(nc, replicas, holder),
      pass: (ms) => sleep(ms),
      close: async () => {
        await nc.close();
        await Promise.all(brokers.map((broker) => broker.remove()));
      },
    };
  });
}
