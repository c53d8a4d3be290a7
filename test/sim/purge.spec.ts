import { commands, roleFolds, streams, type ArchivedCommand } from '@yardmaster/contracts';
import type { EventLog, LogArchive, SnapshotStore } from '@yardmaster/ports';
import {
  Archiver,
  FOLLOWER_ABSENT_MS,
  FollowerRegister,
  Purger,
  type PurgerOptions,
  Snapshotter,
  verifyArchive,
  withArchive,
} from '@yardmaster/service-kit';
import { MemoryLogArchive, MemorySnapshotStore } from '@yardmaster/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { foldedRoles, keystore } from './snapshots.js';
import { differences, dumpRoles } from './state-dump.js';
import { draft, World } from './world.js';

const worlds: World[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.stop();
});

const PARTITIONS = 1;

interface Kept {
  readonly archive: MemoryLogArchive;
  readonly store: MemorySnapshotStore;
}

async function cell(): Promise<Kept & { readonly world: World }> {
  const archive = new MemoryLogArchive();
  const world = new World({ partitions: PARTITIONS, archive });
  worlds.push(world);
  await world.start();
  world.worker().join();
  await world.quiet();
  await work(world);
  return { world, archive, store: new MemorySnapshotStore() };
}

async function work(world: World, rounds = 4): Promise<void> {
  for (let n = 0; n < rounds; n++)
    await world.admit(0, [draft('a'), draft('b', { parents: [0] })], {
      workflow: { name: 'w', labels: null },
    });
}

/** The process that keeps the archive. It dies before the step with this number: what it had done by then stays, and nothing more comes. */
class Dies {
  steps = 0;
  constructor(private readonly at: number) {}

  step(): void {
    if (this.steps++ >= this.at) throw new Error('killed');
  }

  archive(of: LogArchive): LogArchive {
    return {
      list: (stream) => of.list(stream),
      read: (name) => of.read(name),
      write: async (name, bytes) => {
        this.step();
        await of.write(name, bytes);
      },
      drop: async (name) => {
        this.step();
        await of.drop(name);
      },
    };
  }

  store(of: SnapshotStore): SnapshotStore {
    return {
      list: (folder) => of.list(folder),
      read: (folder, name) => of.read(folder, name),
      write: async (folder, name, bytes) => {
        this.step();
        await of.write(folder, name, bytes);
      },
      drop: async (folder, name) => {
        this.step();
        await of.drop(folder, name);
      },
    };
  }

  log(of: EventLog): EventLog {
    return {
      durability: of.durability,
      ensure: (specs) => of.ensure(specs),
      head: (stream) => of.head(stream),
      read: (stream, from, to) => of.read(stream, from, to),
      follow: (stream, from, onMessage, onFailure) => of.follow(stream, from, onMessage, onFailure),
      writer: (stream, last) => of.writer(stream, last),
      appendUnfenced: (stream, msgId, data) => of.appendUnfenced(stream, msgId, data),
      close: () => of.close(),
      purge: async (stream, upTo) => {
        this.step();
        await of.purge(stream, upTo);
      },
    };
  }
}

/** Everything that one look does, in its order. */
async function look(
  world: World,
  { archive, store }: Kept,
  dies = new Dies(Infinity),
  followers: Pick<FollowerRegister, 'floor'> = new FollowerRegister(null),
): Promise<number> {
  const log = dies.log(world.log.open());
  const mine = dies.archive(archive);
  const kept = dies.store(store);
  const owned = world.streams.filter(
    (stream) => ![streams.deadLetters, streams.alerts].includes(stream as never),
  );
  await new Archiver({
    log,
    archive: mine,
    streams: owned,
    sealMessages: 4,
    tell: async ({ stream, last, lastHash, sha256 }) => {
      dies.step();
      const command: ArchivedCommand = { last, lastHash, sha256 };
      return (await world.bus.request(commands.archived(stream), command)).ok;
    },
  }).runOnce();
  await world.quiet();
  const folds = new Map([...roleFolds(PARTITIONS)].filter(([role]) => role !== 'monitor'));
  const snapshotter = new Snapshotter({
    log: withArchive(log, mine),
    keystore,
    store: kept,
    clock: { now: () => world.clock.now(), monotonic: () => performance.now() * 1_000_000 },
    folds,
    everyMessages: 1,
    settledMs: 0,
  });
  await snapshotter.runOnce();
  return await new Purger({
    log,
    archive: mine,
    folds,
    newest: (role) => snapshotter.newest(role),
    followers,
    keepMessages: 2,
    now: () => world.clock.now(),
  }).runOnce();
}

function purgerOptions(world: World, { archive, store }: Kept): PurgerOptions {
  const log = world.log.open();
  const folds = roleFolds(PARTITIONS);
  const { clock } = world;
  const snapshotter = new Snapshotter({ log, keystore, store, clock, folds, everyMessages: 1, settledMs: 0 });
  return {
    log,
    archive,
    folds,
    newest: (role) => snapshotter.newest(role),
    followers: new FollowerRegister(null),
    keepMessages: 2,
    now: () => clock.now(),
  };
}

const firstOf = async (world: World, stream: string): Promise<number> =>
  (await world.log.open().head(stream)).first;

/** Every message, from wherever it can be read. */
async function allOf(world: World): Promise<Record<string, string[]>> {
  const log = world.read();
  const all: Record<string, string[]> = {};
  for (const stream of world.streams) {
    all[stream] = [];
    const { last } = await log.head(stream);
    for await (const { msgId } of log.read(stream, 1, last)) all[stream].push(msgId);
  }
  return all;
}

describe('the front of a stream', () => {
  it('leaves it when it is archived, written down and behind every snapshot; and is read from the archive then', async () => {
    const kept = await cell();
    const { world } = kept;
    const before = await allOf(world);
    // The snapshots know of segments that were written down before them.
    const purged = (await look(world, kept)) + (await look(world, kept));
    expect(purged).toBeGreaterThan(10);
    const gone = streams.tasks(0);
    expect(await firstOf(world, gone)).toBeGreaterThan(1);
    const after = await allOf(world);
    for (const [stream, ids] of Object.entries(before))
      expect(after[stream]?.slice(0, ids.length)).toEqual(ids);
    expect(await verifyArchive(kept.archive, gone)).toMatchObject({ faults: [] });
    // A fold of everything and one from the snapshots are the same, and the cell goes on after a crash.
    const whole = await foldedRoles(world, null);
    const quick = await foldedRoles(world, kept.store);
    expect(differences(dumpRoles(whole.roles), dumpRoles(quick.roles))).toEqual([]);
    await world.crash(() => true);
    const [id] = (await world.admit(0, [draft('after')])).ids;
    expect(await world.task(0, id ?? '')).not.toBeNull();
  });

  it('stays while one of the steps before is missing', async () => {
    const kept = await cell();
    const { world } = kept;
    await look(world, kept, undefined, { floor: () => 0 });
    // No snapshot of one role that follows the queue.
    for (const name of kept.store.files.keys())
      if (name.startsWith('batcher-main')) kept.store.files.delete(name);
    const purger = new Purger({ ...purgerOptions(world, kept), keepMessages: 1, now: () => 0 });
    await purger.runOnce();
    expect([await firstOf(world, 'queue-main'), await firstOf(world, 'tasks-0')]).toEqual([1, 1]);
  });

  it('is left to whoever takes it at the same time', async () => {
    const kept = await cell();
    const { world, archive } = kept;
    for (let i = 0; i < 2; i++) await look(world, kept, undefined, { floor: () => 0 });
    const options = purgerOptions(world, kept);
    const other = new Purger(options);
    const slow = new Purger({
      ...options,
      archive: {
        list: (stream) => archive.list(stream),
        read: async (segment) => {
          await other.runOnce();
          return await archive.read(segment);
        },
        write: (segment, bytes) => archive.write(segment, bytes),
        drop: (segment) => archive.drop(segment),
      },
    });
    expect(await slow.runOnce()).toBe(0);
    expect(await firstOf(world, 'tasks-0')).toBeGreaterThan(1);
  });

  it('waits for a follower that is behind, for a day', async () => {
    const kept = await cell();
    const { world } = kept;
    const now = world.clock.now();
    const store = new MemorySnapshotStore();
    const first = new FollowerRegister(store);
    first.heard('project/relational', { 'tasks-0': 0 }, now);
    await first.save();
    // Whoever keeps the archive started anew meanwhile.
    const followers = new FollowerRegister(store);
    await followers.load();
    await look(world, kept, undefined, followers);
    await look(world, kept, undefined, followers);
    expect(await firstOf(world, 'tasks-0')).toBe(1);
    expect(await firstOf(world, 'queue-main')).toBeGreaterThan(1);
    expect(followers.floor('tasks-0', now + FOLLOWER_ABSENT_MS)).toBe(0);
    expect(followers.floor('tasks-0', now + FOLLOWER_ABSENT_MS + 1)).toBe(Infinity);
    await look(world, kept, undefined, followers);
    expect(await firstOf(world, 'tasks-0')).toBeGreaterThan(1);
  });

  it('stays when its segment does not hold any more', async () => {
    const kept = await cell();
    const { world, archive } = kept;
    await look(world, kept, undefined, { floor: () => 0 });
    for (const file of archive.files.values())
      if (file.name.isSealed && file.name.stream === 'tasks-0')
        file.bytes[file.bytes.length - 1] = (file.bytes.at(-1) ?? 0) ^ 1;
    await expect(look(world, kept)).rejects.toThrow(/archive segment tasks-0 .* was changed or cut short/);
    expect(await firstOf(world, 'tasks-0')).toBe(1);
  });

  it('is lost by no crash between any two steps', async () => {
    let crashes = 0;
    for (let at = 0; ; at++) {
      const kept = await cell();
      const { world } = kept;
      const before = await allOf(world);
      let isDead = false;
      // The steps of two looks: in the first one snapshots begin, in the second one streams end.
      const dies = new Dies(at);
      try {
        await look(world, kept, dies);
        await look(world, kept, dies);
      } catch (error) {
        if ((error as Error).message !== 'killed') throw error;
        isDead = true;
        crashes++;
      }
      if (at % 3 === 0) await world.crash(() => at % 2 === 0);
      const left = await allOf(world);
      for (const [stream, ids] of Object.entries(before))
        expect(left[stream]?.slice(0, ids.length)).toEqual(ids);
      // The next one begins again and comes to the end.
      await look(world, kept);
      await look(world, kept);
      expect(await firstOf(world, 'tasks-0')).toBeGreaterThan(1);
      const whole = await foldedRoles(world, null);
      const quick = await foldedRoles(world, kept.store);
      expect(differences(dumpRoles(whole.roles), dumpRoles(quick.roles))).toEqual([]);
      world.stop();
      if (!isDead) break;
    }
    expect(crashes).toBeGreaterThan(30);
  }, 120_000);
});
