import {
  appendFileSync,
  closeSync,
  cpSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openPool, READ_MODEL_SCHEMA } from '@yardmaster/readmodel-postgres';
import type { Fault, Scene, Strike } from '../fault.js';
import { faultsOfCopies } from '../judge/copies.js';
import { standStill } from '../tools/stand-still.js';
import { until } from '../tools/until.js';
import { child } from './looks.js';

export const DATA_FAULTS: readonly Fault[] = [
  {
    name: 'kill-postgres',
    family: 'data',
    of: '21',
    what: 'kill -9 of Postgres',
    on: 'alone',
    strike: async (scene) => killServer(scene, 'postgres'),
  },
  {
    name: 'stop-postgres',
    family: 'data',
    of: '16',
    what: 'SIGSTOP of Postgres and its children for 12 s',
    on: 'alone',
    holdMs: 12_000,
    strike: async ({ yard, load }) => {
      const pids = familyOf(yard.servers.pid('postgres'));
      const wake = standStill(pids);
      const accepted = load.accepted;
      return {
        heal: async () => wake(),
        proof: async () => ({
          hit: pids.length > 1 && load.accepted > accepted,
          seen: `${String(pids.length)} processes stood still, and the log went on`,
        }),
      };
    },
  },
  {
    name: 'kill-postgres-under-every-service',
    family: 'data',
    of: '21',
    what: 'kill -9 of Postgres',
    on: 'apart',
    strike: async (scene) => killServer(scene, 'postgres'),
  },
  {
    name: 'kill-neo4j',
    family: 'data',
    of: '21',
    what: 'kill -9 of Neo4j',
    on: 'alone',
    missing: whyNoGraph,
    strike: async (scene) => {
      await until('Neo4j', () => scene.yard.servers.names().includes('neo4j'), { withinMs: 120_000 });
      return await killServer(scene, 'neo4j');
    },
  },
  {
    name: 'drop-the-tables',
    family: 'data',
    of: '36',
    what: 'the tables of the read model are dropped under a running yard, which is then killed and started',
    on: 'alone',
    strike: async ({ yard }) => {
      const pool = openPool({ url: yard.servers.postgresUrl() });
      const { rows } = await pool.query<{ n: string }>('SELECT count(*)::text AS n FROM task');
      await pool.query(`DROP SCHEMA ${READ_MODEL_SCHEMA} CASCADE`);
      await pool.end();
      const main = child(yard.nodes, 'yard');
      main.signal('SIGKILL');
      await main.gone();
      return {
        heal: async () => yard.whole(),
        proof: async () => ({
          hit: Number(rows[0]?.n) > 0,
          seen: `${String(rows[0]?.n)} rows of tasks were dropped and made anew from the log`,
        }),
      };
    },
  },
  {
    name: 'alter-the-tables',
    family: 'data',
    of: '34',
    what: 'rows of the read model are changed behind its back; it is found out and made anew while the yard runs',
    on: 'alone',
    strike: async ({ yard }) => {
      const pool = openPool({ url: yard.servers.postgresUrl() });
      const { rowCount } = await pool.query(`UPDATE task SET error = 'never said' WHERE state = 'succeeded'`);
      await pool.end();
      return {
        heal: async () => {
          await yard.client.call({ method: 'POST', path: '/v1/admin/rebuild', repeatable: false });
        },
        proof: async () => ({
          hit: (rowCount ?? 0) > 0,
          seen: `${String(rowCount)} rows were wrong, and none is`,
        }),
      };
    },
  },
  {
    name: 'restore-an-older-log',
    family: 'data',
    of: '35',
    what: 'the store of the nats-server is put back as it was a while ago, beside newer tables and a newer archive; then the true one',
    on: 'alone',
    holdMs: 0,
    strike: (scene) => restoreOld(scene),
  },
  {
    name: 'torn-journal-of-the-agent',
    family: 'data',
    of: '31',
    what: 'kill -9 of the agent, whose journal of reports ends in a torn record; a new one on its directory',
    on: 'alone',
    strike: async ({ yard }) => {
      yard.agent.signal('SIGKILL');
      await yard.agent.gone();
      const journal = path.join(yard.home, 'agent', 'reports.journal');
      appendFileSync(journal, Buffer.from([200, 0, 0, 0, 1, 2, 3, 4, 9, 9, 9]));
      const torn = statSync(journal).size;
      return {
        heal: async () => yard.agent.start(),
        proof: async () => ({
          hit: yard.agent.isUp,
          seen: `a journal of ${String(torn)} bytes lost its torn end alone`,
        }),
      };
    },
  },
  {
    name: 'empty-journal-of-the-agent',
    family: 'data',
    of: '31',
    what: 'kill -9 of the agent, and loss of its whole journal of reports',
    on: 'alone',
    strike: async ({ yard }) => {
      yard.agent.signal('SIGKILL');
      await yard.agent.gone();
      const journal = path.join(yard.home, 'agent', 'reports.journal');
      const before = statSync(journal).size;
      truncateSync(journal, 0);
      return {
        heal: async () => yard.agent.start(),
        proof: async () => ({ hit: yard.agent.isUp, seen: `${String(before)} bytes of reports were lost` }),
      };
    },
  },
  {
    name: 'bit-flip-in-one-copy',
    family: 'data',
    of: '30',
    what: 'one bit of one block file of one of three nats-servers is turned while it is down',
    on: 'apart',
    needs: { own: 'bit-flip' },
    strike: (scene) => flipBit(scene),
  },
];

function whyNoGraph(): string | null {
  return process.env['PATH']?.split(':').some((at) => exists(path.join(at, 'java'))) === true
    ? null
    : 'Neo4j needs Java';
}

function exists(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false }) !== undefined;
}

async function killServer({ yard, load }: Scene, name: string): Promise<Strike> {
  const before = yard.servers.pid(name);
  await yard.servers.kill([name]);
  const accepted = load.accepted;
  return {
    proof: async () => ({
      hit: before > 0 && yard.servers.pid(name) !== before,
      seen: `${name} died and was started again; ${String(load.accepted - accepted)} accepted meanwhile and after`,
    }),
  };
}

/** A process and its children. */
function familyOf(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number);
  return [pid, ...children];
}

function parentOf(pid: string): number {
  try {
    const fd = openSync(`/proc/${pid}/stat`, 'r');
    const bytes = Buffer.alloc(512);
    const read = readSync(fd, bytes);
    closeSync(fd);
    const stat = bytes.toString('latin1', 0, read);
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

async function restoreOld({ yard, load, places }: Scene): Promise<Strike> {
  const main = child(yard.nodes, 'yard');
  const store = path.join(yard.home, 'nats', 'store');
  const [old, aside] = [path.join(places.root, 'store-old'), path.join(places.root, 'store-true')];
  for (const left of [old, aside]) rmSync(left, { recursive: true, force: true });
  const end = async (): Promise<void> => {
    main.signal('SIGTERM');
    await main.gone();
  };
  await end();
  cpSync(store, old, { recursive: true });
  const accepted = load.accepted;
  await yard.whole();
  await until('tasks that the copy does not know', () => load.accepted > accepted + 30);
  await until(
    'tables that know them',
    async () => {
      const lag = (await yard.cluster())?.projectionLag;
      return lag !== undefined && Object.values(lag).every((events) => events === 0);
    },
    { withinMs: 10_000, everyMs: 50 },
  ).catch(() => undefined);
  await end();
  renameSync(store, aside);
  renameSync(old, store);
  const before = main.said().length;
  main.start();
  let isRefused = true;
  await until(
    'its refusal',
    () => {
      if (main.said().slice(before).includes('yard is up')) isRefused = false;
      return !main.isUp || !isRefused;
    },
    { withinMs: 120_000 },
  );
  const words = main.said().slice(before).split('\n').filter(Boolean);
  if (!isRefused) await end();
  rmSync(store, { recursive: true });
  renameSync(aside, store);
  return {
    heal: async () => yard.whole(),
    proof: async () => ({
      hit: true,
      seen: `the start was refused: ${words.at(-1) ?? 'without a word'}`,
      wrong: isRefused ? [] : ['35 it started on an older log than it had'],
    }),
  };
}

async function flipBit({ yard, random }: Scene): Promise<Strike> {
  const victim = random.pick(['nats-1', 'nats-2', 'nats-3']);
  const { up } = await yard.servers.kill([victim], { down: true });
  const store = path.join(yard.home, victim, 'store');
  const blocks = readdirSync(store, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.blk') && /streams\/(?:tasks-0|queue-main|leases-main)\//.test(name),
  );
  const block = path.join(store, random.pick(blocks));
  const fd = openSync(block, 'r+');
  const at = Math.floor(statSync(block).size * (0.3 + 0.4 * random.next()));
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, at);
  writeSync(fd, Buffer.from([byte[0]! ^ 1]), 0, 1, at);
  closeSync(fd);
  await pause(200);
  up();
  return {
    proof: async () => ({
      hit: true,
      wrong: await faultsOfCopies(yard),
      seen: `byte ${String(at)} of ${path.relative(store, block)} of ${victim}`,
    }),
  };
}
