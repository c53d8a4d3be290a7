import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, kill } from '../../support/processes.js';
import { standStill } from '../tools/stand-still.js';
import { until } from '../tools/until.js';
import type { Fault, Proof, Scene, Strike } from '../fault.js';
import { child, count, staleReports } from './looks.js';
import { moved, type Owner, ownerOf, untilMoved } from './owners.js';

interface Duty {
  readonly service: string;
  readonly role: string;
  readonly of: string;
}

/** One role of each service that has any. */
const DUTIES: readonly Duty[] = [
  { service: 'submitter', role: 'submitter/0', of: '2' },
  { service: 'batcher', role: 'batcher/main', of: '2' },
  { service: 'queue-manager', role: 'queue/main', of: '4' },
  { service: 'resource-manager', role: 'resources/main', of: '5' },
  { service: 'ratelimiter', role: 'limits', of: '1-6' },
  { service: 'idgen', role: 'ids', of: '1-6' },
  { service: 'monitor', role: 'monitor', of: '1-6' },
  { service: 'projector', role: 'project/relational', of: '3' },
];
const OF_STOPPED = DUTIES.filter(({ service }) => service !== 'ratelimiter' && service !== 'idgen');

const killed = DUTIES.map(({ service, role, of }): Fault => ({
  name: `kill-${service}`,
  family: 'process',
  of,
  what: `kill -9 of the owner of \`${role}\``,
  on: 'apart',
  strike: async (scene) => {
    const owner = await ownerOf(scene, role);
    owner.child.signal('SIGKILL');
    await owner.child.gone();
    const next = await untilMoved(scene, role, owner);
    return { proof: async () => moved(role, owner, next) };
  },
}));

const stopped = OF_STOPPED.map(({ service, role }): Fault => ({
  name: `stop-${service}`,
  family: 'process',
  of: '15',
  what: `SIGSTOP of the owner of \`${role}\` until another has it, then SIGCONT`,
  on: 'apart',
  strike: async (scene) => {
    const owner = await ownerOf(scene, role);
    const wake = standStill([owner.child.pid]);
    const next = await untilMoved(scene, role, owner).catch((error: unknown) => {
      wake();
      throw error;
    });
    return {
      heal: async () => {
        wake();
        await untilStoodDown(scene, owner);
      },
      proof: async () => moved(role, owner, next),
    };
  },
}));

const drained = (['submitter', 'queue-manager', 'resource-manager'] as const).map((service): Fault => {
  const role = DUTIES.find((duty) => duty.service === service)?.role ?? '';
  return {
    name: `drain-${service}`,
    family: 'process',
    of: '17',
    what: `SIGTERM of the owner of \`${role}\``,
    on: 'apart',
    strike: async (scene) => {
      const owner = await ownerOf(scene, role);
      owner.child.signal('SIGTERM');
      const next = await untilMoved(scene, role, owner);
      await owner.child.gone();
      return { proof: async () => moved(role, owner, next) };
    },
  };
});

const gateway: Fault = {
  name: 'kill-gateway',
  family: 'process',
  of: '1',
  what: 'kill -9 of a gateway with clients and worker sessions on it',
  on: 'apart',
  strike: async ({ yard, load, random }) => {
    const victim = child(yard.nodes, random.pick(['gateway-1', 'gateway-2']));
    const refused = count(load.refused);
    victim.signal('SIGKILL');
    await victim.gone();
    return {
      proof: async () => {
        const more = count(load.refused) - refused;
        return {
          hit: more > 0,
          seen: `${victim.name} died, ${String(more)} calls of clients broke and were repeated`,
        };
      },
    };
  },
};

const pair: Fault = {
  name: 'kill-submitter-and-queue-manager',
  family: 'process',
  of: '84',
  what: 'kill -9 of the owners of `submitter/0` and `queue/main` at one moment',
  on: 'apart',
  strike: async (scene) => {
    const roles = ['submitter/0', 'queue/main'];
    const owners = await Promise.all(roles.map((role) => ownerOf(scene, role)));
    for (const { child: victim } of owners) victim.signal('SIGKILL');
    const next = await Promise.all(roles.map((role, i) => untilMoved(scene, role, owners[i]!)));
    return { proof: async () => both(roles.map((role, i) => moved(role, owners[i]!, next[i]!))) };
  },
};

const everyService: Fault = {
  name: 'kill-every-service',
  family: 'process',
  of: '11',
  what: 'kill -9 of all processes of all services at one moment; the servers stay',
  on: 'apart',
  strike: async ({ yard }) => {
    const pids = [...yard.nodes.values()].map(({ pid }) => pid);
    for (const pid of pids) kill(pid, 'SIGKILL');
    await until('the end of all services', () => pids.every((pid) => !isAlive(pid)));
    return {
      heal: async () => yard.whole(),
      proof: async () => ({
        hit: pids.length > 10,
        seen: `${String(pids.length)} processes died and came back`,
      }),
    };
  },
};

const rolling: Fault = {
  name: 'restart-one-after-the-other',
  family: 'process',
  of: '11',
  what: 'SIGTERM and a new start of one process of each service after the other',
  on: 'apart',
  holdMs: 0,
  strike: async ({ yard, random }) => {
    const nth = random.pick(['1', '2']);
    const victims = [...yard.nodes.values()].filter(({ name }) => name.endsWith(nth));
    const before = victims.map(({ pid }) => pid);
    for (const victim of victims) {
      await victim.stop();
      await yard.whole();
    }
    return {
      proof: async () => ({
        hit: victims.every(({ pid }, i) => pid !== before[i]),
        seen: `${String(victims.length)} processes ended in order and were replaced`,
      }),
    };
  },
};

const yardAlone: Fault[] = [
  {
    name: 'kill-yard',
    family: 'process',
    of: '1-6',
    what: 'kill -9 of the whole yard in one process; servers and agent stay',
    on: 'alone',
    strike: ({ yard }) => killAndRestart(yard),
  },
  {
    name: 'kill-yard-three-times',
    family: 'process',
    of: '1-6',
    what: 'kill -9 of the yard, and again twice while it comes back',
    on: 'alone',
    strike: async ({ yard, random }) => {
      const main = child(yard.nodes, 'yard');
      for (let n = 0; n < 3; n++) {
        main.signal('SIGKILL');
        await main.gone();
        main.start();
        await pause(random.between(300, 4_000));
      }
      return {
        heal: async () => yard.whole(),
        proof: async () => ({
          hit: main.starts >= 4,
          seen: `three deaths, ${String(main.starts)} starts so far`,
        }),
      };
    },
  },
  {
    name: 'kill-yard-and-servers',
    family: 'power and disk',
    of: '19, 21',
    what: 'kill -9 of yard, keeper, nats-server and Postgres at one moment',
    on: 'alone',
    strike: async ({ yard }) => {
      const main = child(yard.nodes, 'yard');
      const { servers } = yard;
      const pids = [main.pid, servers.keeperPid, ...servers.names().map((name) => servers.pid(name))];
      for (const pid of pids) kill(pid, 'SIGKILL');
      await until('their end', () => pids.every((pid) => !isAlive(pid)));
      return {
        heal: async () => yard.whole(),
        proof: async () => ({
          hit: !pids.some(isAlive),
          seen: `${String(pids.length)} processes died at once`,
        }),
      };
    },
  },
  {
    name: 'stop-yard',
    family: 'process',
    of: '15',
    what: 'SIGSTOP of the whole yard for 12 s',
    on: 'alone',
    holdMs: 12_000,
    strike: async ({ yard, load }) => {
      const main = child(yard.nodes, 'yard');
      const wake = standStill([main.pid]);
      return {
        heal: async () => wake(),
        proof: async () => ({
          hit: load.longestGapMs > 10_000,
          seen: `nothing was accepted for ${(load.longestGapMs / 1_000).toFixed(1)} s`,
        }),
      };
    },
  },
  {
    name: 'drain-yard',
    family: 'process',
    of: '17',
    what: 'SIGTERM of the whole yard under load, and a new start',
    on: 'alone',
    strike: async ({ yard }) => {
      const main = child(yard.nodes, 'yard');
      const before = main.pid;
      main.signal('SIGTERM');
      await main.gone();
      return {
        heal: async () => yard.whole(),
        proof: async () => ({
          hit: main.pid !== before,
          seen: 'it ended in order, with its servers, and came back',
        }),
      };
    },
  },
];

const agents: Fault[] = [
  {
    name: 'kill-agent',
    family: 'process',
    of: '6, 7',
    what: 'kill -9 of the agent with attempts under way, and a new one on its directory',
    on: 'alone',
    strike: async (scene) => {
      const { agent } = scene.yard;
      await scriptRunning(scene);
      const before = agent.pid;
      agent.signal('SIGKILL');
      await agent.gone();
      return {
        heal: async () => agent.start(),
        proof: async () => ({
          hit: agent.pid !== before,
          seen: `agent ${String(before)} died, ${String(agent.pid)} took its place`,
        }),
      };
    },
  },
  {
    name: 'stop-agent-shortly',
    family: 'process',
    of: '13, 37',
    what: 'SIGSTOP of the agent for 12 s, less than its leases last, while its attempts go on',
    on: 'alone',
    holdMs: 12_000,
    strike: (scene) => stopAgent(scene, 10_000),
  },
  {
    name: 'stop-agent-beyond-its-leases',
    family: 'process',
    of: '13',
    what: 'SIGSTOP of the agent for 40 s, longer than its leases last',
    on: 'alone',
    holdMs: 40_000,
    overlaps: 'the attempts of a stopped agent go on by themselves',
    strike: (scene) => stopAgent(scene, 35_000),
  },
  {
    name: 'kill-worker',
    family: 'process',
    of: '6',
    what: 'kill -9 of an SDK worker with handlers under way',
    on: 'alone',
    strike: async ({ load, random }) => {
      const worker = random.pick(load.workers);
      const before = worker.pid;
      worker.signal('SIGKILL');
      await worker.gone();
      return {
        heal: async () => worker.start(),
        proof: async () => ({ hit: worker.pid !== before, seen: `${worker.name} died and was replaced` }),
      };
    },
  },
  {
    name: 'stop-worker-beyond-its-leases',
    family: 'process',
    of: '14',
    what: 'SIGSTOP of an SDK worker for 40 s, longer than its leases last; when it wakes it reports what others have by then',
    on: 'alone',
    holdMs: 40_000,
    overlaps: 'a handler that slept through its lease ends its line before anyone can tell it',
    strike: async ({ load, random, yard }) => {
      const worker = random.pick(load.workers);
      // More than one worker takes, so that this one has some in hand.
      const long = { name: 'long', run: { handler: 'work', input: { ms: 3_000 } }, retry: { lost: 20 } };
      const items = await yard.client.tasks.submitMany(Array.from({ length: 16 }, () => long));
      const first = items.find((item) => item.ok);
      if (first?.ok !== true) throw new Error('nothing for the worker to do');
      await until('attempts in its hands', async () => (await first.task.status()).state === 'running');
      await pause(500);
      const stale = await staleReports(yard);
      const wake = standStill([worker.pid]);
      return {
        heal: async () => wake(),
        proof: async () => {
          const more = (await staleReports(yard)) - stale;
          return { hit: more > 0, seen: `${String(more)} late reports were refused` };
        },
      };
    },
  },
];

export const PROCESS_FAULTS: readonly Fault[] = [
  ...killed,
  ...stopped,
  ...drained,
  gateway,
  pair,
  everyService,
  rolling,
  ...yardAlone,
  ...agents,
];

async function untilStoodDown(scene: Scene, owner: Owner): Promise<void> {
  await until(
    `${owner.node} to find out`,
    async () => {
      const node = (await scene.yard.cluster())?.nodes.find((one) => one.node === owner.node);
      return node?.state === 'up';
    },
    { withinMs: 120_000, everyMs: 200 },
  );
}

async function killAndRestart(yard: Scene['yard']): Promise<Strike> {
  const main = child(yard.nodes, 'yard');
  const before = main.pid;
  main.signal('SIGKILL');
  await main.gone();
  return {
    heal: async () => yard.whole(),
    proof: async () => ({
      hit: main.pid !== before,
      seen: `process ${String(before)} died, ${String(main.pid)} went on`,
    }),
  };
}

async function stopAgent(scene: Scene, leastMs: number): Promise<Strike> {
  const { agent } = scene.yard;
  await scriptRunning(scene);
  const at = performance.now();
  const wake = standStill([agent.pid]);
  let sleptMs = 0;
  return {
    heal: async () => {
      sleptMs = performance.now() - at;
      wake();
    },
    proof: async () => ({
      hit: sleptMs > leastMs,
      seen: `it stood still for ${(sleptMs / 1_000).toFixed(0)} s`,
    }),
  };
}

/** Waits until the agent runs something. */
async function scriptRunning({ yard }: Scene): Promise<void> {
  await until(
    'a script that runs',
    async () => {
      // A yard that has just come up may have no tables yet.
      const found = await yard.client.tasks
        .list({ name: 'script', state: 'running', limit: 1 })
        .catch(() => null);
      return (found?.items.length ?? 0) > 0;
    },
    { withinMs: 60_000, everyMs: 20 },
  );
}

function both(proofs: readonly Proof[]): Proof {
  return { hit: proofs.every(({ hit }) => hit), seen: proofs.map(({ seen }) => seen).join('; ') };
}
