import type { Fault, Scene, Strike } from '../fault.js';
import { workerChild } from '../load/load.js';
import { type Manners, TcpProxy } from '../tools/tcp-proxy.js';
import { until } from '../tools/until.js';
import { seconds } from './looks.js';

const PROXIED = { proxied: ['nats', 'postgres'] } as const;

/** What a worker's own connection may suffer. */
const OF_WORKERS: readonly {
  readonly name: string;
  readonly of: string;
  readonly what: string;
  readonly manners: Manners;
  readonly holdMs: number;
  readonly overlaps?: string;
}[] = [
  {
    name: 'worker-black-hole',
    of: '37, 49',
    what: 'nothing passes between a worker and its gateway for 14 s, and nobody is told',
    manners: { blackHole: 'both' },
    holdMs: 14_000,
  },
  {
    name: 'worker-isolated',
    of: '38',
    what: 'nothing passes between a worker and its gateway for 40 s, longer than its leases last',
    manners: { blackHole: 'both', refuse: true },
    holdMs: 40_000,
  },
  {
    name: 'worker-not-heard',
    of: '39',
    what: 'what a worker says is lost for 40 s, what is said to it arrives',
    manners: { blackHole: 'up' },
    holdMs: 40_000,
  },
  {
    name: 'worker-not-reached',
    of: '40',
    what: 'what a worker says arrives for 40 s, what is said to it is lost',
    manners: { blackHole: 'down' },
    holdMs: 40_000,
  },
  {
    name: 'worker-far-away',
    of: '45',
    what: '100 to 300 ms each way between a worker and its gateway for 10 s',
    manners: { delayMs: 100, jitterMs: 200 },
    holdMs: 10_000,
  },
  {
    name: 'worker-slow-line',
    of: '47',
    what: 'a worker on a line of 4 KB/s for 10 s',
    manners: { rate: 4_000 },
    holdMs: 10_000,
  },
];

const workers = OF_WORKERS.map(({ name, of, what, manners, holdMs }): Fault => ({
  name,
  family: 'network',
  of,
  what,
  on: 'alone',
  holdMs,
  strike: async (scene) => {
    const { proxy, end } = await proxiedWorker(scene);
    const connections = proxy.connections;
    proxy.behave(manners);
    if (manners.refuse === true) proxy.cut();
    return {
      heal: async () => {
        proxy.behave({});
        await until('the worker to do something again', () => proxy.connections > 0);
      },
      proof: async () => {
        await end();
        return {
          hit: proxy.swallowed > 0 || proxy.delayed > 0 || manners.refuse === true,
          seen: `${String(proxy.swallowed)} bytes lost, ${String(proxy.delayed)} pieces late, ${String(proxy.connections - connections)} more connections`,
        };
      },
    };
  },
}));

const cuts: Fault = {
  name: 'worker-connection-reset',
  family: 'network',
  of: '48',
  what: 'the connection of a worker is reset every second, ten times',
  on: 'alone',
  holdMs: 10_000,
  strike: async (scene) => {
    const { proxy, end } = await proxiedWorker(scene);
    let cut = 0;
    const timer = setInterval(() => {
      cut += proxy.cut();
    }, 1_000);
    return {
      heal: async () => clearInterval(timer),
      proof: async () => {
        await end();
        return { hit: cut >= 5, seen: `${String(cut)} connections were reset` };
      },
    };
  },
};

const services: Fault[] = [
  {
    name: 'services-cut-from-nats',
    family: 'network',
    of: '48',
    what: 'every connection of every service to the nats-servers is reset every 2 s, five times',
    on: 'apart',
    needs: PROXIED,
    holdMs: 10_000,
    strike: async ({ yard }) => {
      let cut = 0;
      const timer = setInterval(() => {
        for (const proxy of proxiesTo(yard, 'nats')) cut += proxy.cut();
      }, 2_000);
      return {
        heal: async () => clearInterval(timer),
        proof: async () => ({ hit: cut > 20, seen: `${String(cut)} connections were reset` }),
      };
    },
  },
  {
    name: 'answers-of-nats-lost',
    family: 'network',
    of: '55',
    what: 'what the nats-servers answer is lost for 3 s, acknowledgements of stored envelopes too; then the connections break',
    on: 'apart',
    needs: PROXIED,
    strike: (scene) => mistreat(scene, 'nats', { blackHole: 'down' }),
  },
  {
    name: 'nats-black-hole',
    family: 'network',
    of: '41, 49',
    what: 'nothing passes between services and nats-servers for 12 s',
    on: 'apart',
    needs: PROXIED,
    holdMs: 12_000,
    strike: (scene) => mistreat(scene, 'nats', { blackHole: 'both' }),
  },
  {
    name: 'nats-far-away',
    family: 'network',
    of: '45',
    what: '20 to 60 ms each way between services and nats-servers for 10 s',
    on: 'apart',
    needs: PROXIED,
    holdMs: 10_000,
    strike: (scene) => mistreat(scene, 'nats', { delayMs: 20, jitterMs: 40 }),
  },
  {
    name: 'postgres-black-hole',
    family: 'network',
    of: '43',
    what: 'nothing passes between services and Postgres for 12 s',
    on: 'apart',
    needs: PROXIED,
    holdMs: 12_000,
    strike: (scene) => mistreat(scene, 'postgres', { blackHole: 'both' }),
  },
  {
    name: 'one-nats-out-of-reach',
    family: 'network',
    of: '42',
    what: 'one nats-server after the other is out of the reach of all services for 5 s, though the three reach each other',
    on: 'apart',
    needs: PROXIED,
    holdMs: 0,
    strike: async ({ yard }) => {
      let cut = 0;
      for (const proxy of proxiesTo(yard, 'nats')) {
        proxy.behave({ refuse: true, blackHole: 'both' });
        cut += proxy.cut();
        await new Promise((resolve) => setTimeout(resolve, 5_000));
        proxy.behave({});
      }
      return {
        proof: async () => ({ hit: cut > 10, seen: `${String(cut)} connections had to go elsewhere` }),
      };
    },
  },
];

export const NETWORK_FAULTS: readonly Fault[] = [cuts, ...workers, ...services];

/** One more worker, behind a proxy of its own. */
async function proxiedWorker({
  yard,
  places,
  random,
}: Scene): Promise<{ readonly proxy: TcpProxy; readonly end: () => Promise<void> }> {
  const proxy = await TcpProxy.to(() => Number(new URL(yard.urls[0] ?? '').port));
  const name = `far-${String(random.below(1_000_000))}`;
  const worker = workerChild(name, [`http://127.0.0.1:${String(proxy.port)}`], yard.token, places);
  worker.start();
  await until(`${name} to join`, async () => {
    const { items } = await yard.client.workers.list().catch(() => ({ items: [] }));
    return items.some((one) => one.name === name && one.state === 'healthy');
  });
  // It has work in hand.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  return {
    proxy,
    end: async () => {
      await worker.stop(10_000);
      proxy.close();
    },
  };
}

function proxiesTo(yard: Scene['yard'], server: string): TcpProxy[] {
  return [...yard.proxies].filter(([name]) => name.startsWith(server)).map(([, proxy]) => proxy);
}

async function mistreat({ yard, load }: Scene, server: string, manners: Manners): Promise<Strike> {
  const proxies = proxiesTo(yard, server);
  for (const proxy of proxies) proxy.behave(manners);
  return {
    heal: async () => {
      for (const proxy of proxies) {
        proxy.behave({});
        if (manners.blackHole !== undefined) proxy.cut();
      }
    },
    proof: async () => {
      const lost = proxies.reduce((sum, { swallowed }) => sum + swallowed, 0);
      const late = proxies.reduce((sum, { delayed }) => sum + delayed, 0);
      return {
        hit: lost + late > 0,
        seen: `${String(lost)} bytes lost, ${String(late)} pieces late; longest gap ${seconds(load.longestGapMs)}`,
      };
    },
  };
}
