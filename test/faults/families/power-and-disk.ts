import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, kill } from '../../support/processes.js';
import type { Fault, Scene, Strike } from '../fault.js';
import { faultsOfCopies } from '../judge/copies.js';
import { BrokerAdmin } from '../tools/broker-admin.js';
import { Ext4Disk, whyNoDisks } from '../tools/ext4-disk.js';
import { fill, isFull, whyNoMounts } from '../tools/small-disk.js';
import { standStill } from '../tools/stand-still.js';
import { until } from '../tools/until.js';
import { seconds } from './looks.js';

const STREAM = 'tasks-0';
const BROKERS = ['nats-1', 'nats-2', 'nats-3'];
/** MiB, of the disks that can be filled or cut off. */
const SMALL = 160;
const DISK = 400;

const FULL_NEEDS = { small: Object.fromEntries(BROKERS.map((name) => [`${name}/store`, SMALL])) };
const POWER_NEEDS = { disks: Object.fromEntries(BROKERS.map((name) => [`${name}/store`, DISK])) };

const brokers: Fault[] = [
  {
    name: 'kill-nats-leader',
    family: 'power and disk',
    of: '9',
    what: `kill -9 of the nats-server that leads \`${STREAM}\``,
    on: 'apart',
    strike: async (scene) => {
      const victim = await leader(scene);
      const before = scene.yard.servers.pid(victim);
      await scene.yard.servers.kill([victim]);
      return {
        proof: async () => {
          const now = await leader(scene);
          const { pid } = { pid: scene.yard.servers.pid(victim) };
          return {
            hit: pid !== before && pid > 0,
            seen: `${victim} died and came back; ${now} leads now; gap ${seconds(scene.load.longestGapMs)}`,
          };
        },
      };
    },
  },
  {
    name: 'stop-nats-leader',
    family: 'power and disk',
    of: '12',
    what: `SIGSTOP of the nats-server that leads \`${STREAM}\` for 15 s`,
    on: 'apart',
    holdMs: 15_000,
    strike: async (scene) => {
      const victim = await leader(scene);
      const pid = scene.yard.servers.pid(victim);
      const wake = standStill([pid]);
      return {
        heal: async () => wake(),
        proof: async () => {
          const now = await leader(scene);
          return {
            hit: isAlive(pid) && now !== victim,
            seen: `${victim} stood still, ${now} took over, and it came back`,
          };
        },
      };
    },
  },
  {
    name: 'kill-two-of-three-nats',
    family: 'power and disk',
    of: '10',
    what: 'kill -9 of two nats-servers, which stay down for 8 s',
    on: 'apart',
    holdMs: 8_000,
    strike: async ({ yard, load, random }) => {
      const spared = random.pick(BROKERS);
      const { up } = await yard.servers.kill(
        BROKERS.filter((name) => name !== spared),
        { down: true },
      );
      return {
        heal: async () => up(),
        proof: async () => ({
          hit: load.longestGapMs > 6_000,
          seen: `${spared} alone took no writes for ${seconds(load.longestGapMs)}`,
        }),
      };
    },
  },
  {
    name: 'kill-all-nats',
    family: 'power and disk',
    of: '20',
    what: 'kill -9 of all three nats-servers at one moment',
    on: 'apart',
    strike: async ({ yard, load }) => {
      const before = BROKERS.map((name) => yard.servers.pid(name));
      await yard.servers.kill(BROKERS);
      return {
        proof: async () => ({
          hit: BROKERS.every((name, i) => yard.servers.pid(name) !== before[i]),
          seen: `all three were replaced; nothing was accepted for ${seconds(load.longestGapMs)}`,
        }),
      };
    },
  },
  {
    name: 'kill-everything',
    family: 'power and disk',
    of: '20',
    what: 'kill -9 of all nats-servers, Postgres, all services and the agent at one moment',
    on: 'apart',
    strike: async ({ yard }) => {
      const pids = [...yard.nodes.values(), yard.agent].map(({ pid }) => pid);
      for (const pid of pids) kill(pid, 'SIGKILL');
      await yard.servers.kill([...BROKERS, 'postgres']);
      await until('the end of all', () => !pids.some(isAlive));
      return {
        heal: async () => yard.whole(),
        proof: async () => ({
          hit: pids.length > 10,
          seen: `${String(pids.length + 4)} processes died at once and came back`,
        }),
      };
    },
  },
  {
    name: 'wipe-one-nats',
    family: 'power and disk',
    of: '28',
    what: 'kill -9 of one nats-server and loss of its whole store',
    on: 'apart',
    strike: (scene) => wipe(scene, [scene.random.pick(BROKERS)]),
  },
  {
    name: 'power-loss-of-all-nats',
    family: 'power and disk',
    of: '20',
    what: 'all three nats-servers die and each disk loses what was not synced (ext4 shut down without its journal)',
    on: 'apart',
    needs: POWER_NEEDS,
    missing: whyNoDisks,
    strike: (scene) => cutPower(scene, BROKERS),
  },
  {
    name: 'power-loss-of-one-nats',
    family: 'power and disk',
    of: '19',
    what: 'one nats-server dies and its disk loses what was not synced',
    on: 'apart',
    needs: POWER_NEEDS,
    missing: whyNoDisks,
    strike: (scene) => cutPower(scene, [scene.random.pick(BROKERS)]),
  },
  {
    name: 'disk-fails-under-nats-leader',
    family: 'power and disk',
    of: '27',
    what: `every read and write of the disk of the nats-server that leads \`${STREAM}\` fails (EIO) while the process lives; after 10 s it gets a good one`,
    on: 'apart',
    needs: POWER_NEEDS,
    missing: whyNoDisks,
    holdMs: 10_000,
    strike: (scene) => failDisk(scene),
  },
  {
    name: 'disk-full-on-nats-leader',
    family: 'power and disk',
    of: '23',
    what: `the disk of the nats-server that leads \`${STREAM}\` is full for 10 s; then there is room, and its keeper starts it again`,
    on: 'apart',
    needs: FULL_NEEDS,
    missing: whyNoMounts,
    holdMs: 10_000,
    strike: async (scene) => fillDisks(scene, [await leader(scene)]),
  },
  {
    name: 'disk-full-on-all-nats',
    family: 'power and disk',
    of: '24',
    what: 'the disks of all three nats-servers are full for 10 s; then there is room, and their keeper starts them again',
    on: 'apart',
    needs: FULL_NEEDS,
    missing: whyNoMounts,
    holdMs: 10_000,
    strike: (scene) => fillDisks(scene, BROKERS),
  },
  {
    name: 'disk-full-on-agent',
    family: 'power and disk',
    of: '26',
    what: "the disk of the agent's directory is full for 10 s",
    on: 'alone',
    needs: { small: { agent: 32 } },
    missing: whyNoMounts,
    holdMs: 10_000,
    strike: (struck) =>
      fillDisk(
        struck,
        'agent',
        (accepted) =>
          `its disk took nothing; ${String(accepted)} submissions were accepted meanwhile and after`,
      ),
  },
  {
    name: 'disk-full-on-postgres',
    family: 'power and disk',
    of: '25',
    what: 'the disk of Postgres is full for 10 s',
    on: 'alone',
    needs: { small: { postgres: 200 } },
    missing: () =>
      'the directory of the database comes about by a rename, so that no small disk can be put there before',
    holdMs: 10_000,
    strike: (struck) =>
      fillDisk(
        struck,
        'postgres',
        (accepted) => `the log went on: ${String(accepted)} accepted meanwhile and after`,
      ),
  },
  {
    name: 'kill-keeper',
    family: 'power and disk',
    of: '1-6',
    what: 'kill -9 of the keeper of the servers; the servers live on',
    on: 'alone',
    strike: async ({ yard }) => {
      const { keeperPid } = yard.servers;
      const nats = yard.servers.pid('nats');
      kill(keeperPid, 'SIGKILL');
      return {
        proof: async () => ({
          hit: yard.servers.keeperPid !== keeperPid && yard.servers.pid('nats') === nats,
          seen: 'another keeper took the same servers over',
        }),
      };
    },
  },
];

export const POWER_AND_DISK_FAULTS: readonly Fault[] = brokers;

async function leader({ yard }: Scene): Promise<string> {
  await using admin = await BrokerAdmin.of(yard.servers);
  return await until('a leader', async () => {
    const name = await admin.leaderOf(STREAM).catch(() => '');
    return name === '' ? null : name;
  });
}

async function wipe({ yard }: Scene, victims: readonly string[]): Promise<Strike> {
  const { up } = await yard.servers.kill(victims, { down: true });
  for (const name of victims) rmSync(path.join(yard.home, name, 'store'), { recursive: true, force: true });
  up();
  return {
    heal: async () => {
      await caughtUp(yard, victims);
    },
    proof: async () => ({
      hit: true,
      seen: `${victims.join(', ')} came back empty and caught up with the others`,
    }),
  };
}

/** Waits until every stream has every copy current. */
async function caughtUp(yard: Scene['yard'], victims: readonly string[]): Promise<void> {
  await until(
    `${victims.join()} to catch up`,
    async () => {
      try {
        await using admin = await BrokerAdmin.of(yard.servers);
        return await isCurrent(admin);
      } catch {
        // Those that come back do not answer yet.
        return false;
      }
    },
    { withinMs: 120_000, everyMs: 500 },
  );
}

async function isCurrent(admin: BrokerAdmin): Promise<boolean> {
  for (const stream of await admin.streamNames()) {
    const { cluster } = await admin.manager.streams.info(stream);
    if (cluster?.leader === undefined || cluster.replicas?.every(({ current }) => current) !== true)
      return false;
  }
  return true;
}

async function cutPower(scene: Scene, victims: readonly string[]): Promise<Strike> {
  const { yard, load } = scene;
  const disks = victims.map((name) => {
    const disk = yard.disks.get(`${name}/store`);
    if (disk === undefined) throw new Error(`${name} has no disk of its own`);
    return disk;
  });
  const accepted = load.accepted;
  // Their keeper stands still, so that none is started on a disk without power. The disks go first: nothing more reaches them.
  const keeper = yard.servers.keeperPid;
  const release = standStill([keeper]);
  for (const disk of disks) disk.cutPower();
  await yard.servers.kill(victims);
  for (const disk of disks) {
    await unmounted(disk);
    disk.mount();
  }
  const forgot = disks.filter(({ hasForgotten }) => hasForgotten).length;
  release();
  return {
    proof: async () => ({
      hit: forgot === victims.length,
      wrong: await faultsOfCopies(yard),
      seen: `${String(accepted)} were acknowledged before ${victims.join(', ')} lost power and forgot what was not synced; nothing was accepted for ${seconds(load.longestGapMs)}`,
    }),
  };
}

/** A disk that is shut down answers EIO to everything, which is all that a broken one does. */
async function failDisk(scene: Scene): Promise<Strike> {
  const { yard, load } = scene;
  const victim = await leader(scene);
  const at = path.join(yard.home, victim, 'store');
  const disk = yard.disks.get(`${victim}/store`);
  if (disk === undefined) throw new Error(`${victim} has no disk of its own`);
  const pid = yard.servers.pid(victim);
  disk.cutPower();
  await pause(500);
  const hasLived = isAlive(pid);
  const accepted = load.accepted;
  let seen = '';
  let hit = false;
  return {
    heal: async () => {
      const meanwhile = load.accepted - accepted;
      const broken = faultOfWriting(at);
      const { up } = await yard.servers.kill([victim], { down: true });
      await unmounted(disk);
      disk.mount();
      up();
      await caughtUp(yard, [victim]);
      seen = `${victim} ${hasLived ? 'lived on' : 'died'} on ${broken}; ${String(meanwhile)} were accepted meanwhile`;
      hit = hasLived && broken === 'EIO' && meanwhile > 0;
    },
    proof: async () => ({
      hit,
      wrong: await faultsOfCopies(yard),
      seen: `${seen}, the longest gap was ${seconds(load.longestGapMs)}`,
    }),
  };
}

function faultOfWriting(at: string): string {
  try {
    writeFileSync(path.join(at, 'try'), 'x');
    return 'a good disk';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

/** The last file of a process that has just died is closed a moment later. */
async function unmounted(disk: Ext4Disk): Promise<void> {
  for (let n = 0; ; n++) {
    try {
      disk.unmount();
      return;
    } catch (error) {
      if (n > 50) throw error;
      await pause(100);
    }
  }
}

/** Fills the disk of a directory that the log does not need: the yard has to go on accepting. */
async function fillDisk(
  { yard, load }: Scene,
  directory: string,
  seen: (accepted: number) => string,
): Promise<Strike> {
  const at = path.join(yard.home, directory);
  const free = fill(at);
  const before = load.accepted;
  let wasFull = false;
  return {
    heal: async () => {
      wasFull = isFull(at);
      free();
    },
    proof: async () => ({ hit: wasFull && load.accepted > before, seen: seen(load.accepted - before) }),
  };
}

async function fillDisks({ yard, load }: Scene, victims: readonly string[]): Promise<Strike> {
  const before = victims.map((name) => yard.servers.pid(name));
  const frees = victims.map((name) => fill(path.join(yard.home, name, 'store')));
  const refused = [...load.refused.values()].reduce((sum, n) => sum + n, 0);
  let full = 0;
  return {
    heal: async () => {
      full = victims.filter((name) => isFull(path.join(yard.home, name, 'store'))).length;
      for (const free of frees) free();
      await caughtUp(yard, victims);
    },
    proof: async () => {
      const anew = victims.filter((name, i) => yard.servers.pid(name) !== before[i]);
      const more = [...load.refused.values()].reduce((sum, n) => sum + n, 0) - refused;
      return {
        hit: full === victims.length && (victims.length < 3 || more > 0),
        wrong: await faultsOfCopies(yard),
        seen: `${victims.join(', ')} full, ${String(anew.length)} of them started again by their keeper; ${String(more)} submissions were refused, the longest gap was ${seconds(load.longestGapMs)}`,
      };
    },
  };
}
