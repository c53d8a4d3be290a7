import { commands, hashOf, streams } from '@yardmaster/contracts';
import {
  Archiver,
  verifyAgainstLog,
  verifyArchive,
  withArchive,
  type ArchivedUpTo,
  type ArchiverOptions,
} from '@yardmaster/service-kit';
import { LogGapError, type EventLog } from '@yardmaster/ports';
import { MemoryLogArchive } from '@yardmaster/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { differences, dumpRoles } from './state-dump.js';
import { draft, World } from './world.js';

const worlds: World[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.stop();
});

/** A cell in which some tasks ran, and its archive. */
async function lived(archive = new MemoryLogArchive()): Promise<{ world: World; archive: MemoryLogArchive }> {
  const world = new World({ partitions: 1, archive });
  worlds.push(world);
  await world.start();
  world.worker().join();
  await world.quiet();
  await work(world);
  return { world, archive };
}

async function work(world: World): Promise<void> {
  for (const name of ['a', 'b', 'c'])
    await world.admit(0, [draft(name), draft(`${name}2`, { parents: [0] })], {
      workflow: { name, labels: null },
    });
}

function archiverOf(
  world: World,
  archive: MemoryLogArchive,
  more: Partial<ArchiverOptions> = {},
): { archiver: Archiver; told: ArchivedUpTo[] } {
  const told: ArchivedUpTo[] = [];
  const archiver = new Archiver({
    log: world.log.open(),
    archive,
    streams: world.streams,
    tell: (upTo) => {
      told.push(upTo);
      return Promise.resolve(true);
    },
    ...more,
  });
  return { archiver, told };
}

/** A log whose followers hear nothing while they are asleep, and when they wake that the stream has a hole. */
function sleepy(inner: EventLog): {
  readonly log: EventLog;
  fallAsleep(): void;
  wake(expected: number): void;
} {
  let isAsleep = false;
  let tell: (expected: number) => void = () => undefined;
  const log: EventLog = {
    durability: inner.durability,
    ensure: (specs) => inner.ensure(specs),
    head: (stream) => inner.head(stream),
    read: (stream, from, to) => inner.read(stream, from, to),
    writer: (stream, last) => inner.writer(stream, last),
    appendUnfenced: (stream, id, data) => inner.appendUnfenced(stream, id, data),
    purge: (stream, upTo) => inner.purge(stream, upTo),
    close: () => inner.close(),
    follow: async (stream, from, onMessage, onFailure) => {
      const follower = await inner.follow(
        stream,
        from,
        (message) => {
          if (!isAsleep) onMessage(message);
        },
        onFailure,
      );
      tell = (expected) => {
        follower.stop();
        onFailure(new LogGapError(stream, expected, 0));
      };
      return follower;
    },
  };
  return {
    log,
    fallAsleep: () => (isAsleep = true),
    wake: (expected) => {
      isAsleep = false;
      tell(expected);
    },
  };
}

const tasks = streams.tasks(0);
const lastOf = (world: World, stream: string): number => world.log.stored(stream).at(-1)?.seq ?? 0;

describe('the archiver', () => {
  it('copies every stream, and then only what is new', async () => {
    const { world, archive } = await lived();
    const { archiver } = archiverOf(world, archive);
    const total = world.streams.reduce((sum, stream) => sum + lastOf(world, stream), 0);
    expect(await archiver.runOnce()).toEqual({ copied: total, behind: 0 });
    expect(await archiver.runOnce()).toEqual({ copied: 0, behind: 0 });
    const before = lastOf(world, tasks);
    await work(world);
    await archiver.runOnce();
    expect((await archive.list(tasks)).map(({ first, last }) => [first, last])).toEqual([
      [1, before],
      [before + 1, lastOf(world, tasks)],
    ]);
    for (const stream of world.streams)
      expect(await verifyArchive(archive, stream)).toMatchObject({ last: lastOf(world, stream), faults: [] });
  });

  it('seals what is large enough, in place of the open ones, and tells the owner once', async () => {
    const { world, archive } = await lived();
    const { archiver } = archiverOf(world, archive);
    await archiver.runOnce();
    await work(world);
    const { archiver: next, told } = archiverOf(world, archive, { sealMessages: 5 });
    await next.runOnce();
    await next.runOnce();
    const [sealed, ...rest] = await archive.list(tasks);
    expect(sealed).toMatchObject({ first: 1, isSealed: true });
    expect(rest).toMatchObject([
      { first: (sealed?.last ?? 0) + 1, last: lastOf(world, tasks), isSealed: false },
    ]);
    const lastHash = hashOf(world.log.stored(tasks)[(sealed?.last ?? 0) - 1]?.data ?? new Uint8Array());
    expect(told.filter(({ stream }) => stream === tasks)).toMatchObject([{ last: sealed?.last, lastHash }]);
    expect(await verifyArchive(archive, tasks)).toMatchObject({
      segments: 2,
      last: lastOf(world, tasks),
      faults: [],
    });
  });

  it('tells again until the owner has heard, also after a restart', async () => {
    const { world, archive } = await lived();
    const deaf = archiverOf(world, archive, { sealMessages: 5, tell: () => Promise.resolve(false) });
    await deaf.archiver.runOnce();
    const { archiver, told } = archiverOf(world, archive, { sealMessages: 5 });
    await archiver.runOnce();
    expect(told.map(({ stream }) => stream)).toContain(tasks);
  });

  it('does no harm twice at once', async () => {
    const { world, archive } = await lived();
    const [one, two] = [
      archiverOf(world, archive, { sealMessages: 7 }),
      archiverOf(world, archive, { sealMessages: 4 }),
    ];
    await one.archiver.runOnce();
    await work(world);
    await Promise.all([one.archiver.runOnce(), two.archiver.runOnce()]);
    await work(world);
    await two.archiver.runOnce();
    await archiverOf(world, archive).archiver.runOnce();
    expect(await verifyArchive(archive, tasks)).toMatchObject({ last: lastOf(world, tasks), faults: [] });
  });

  it('stops at a stored message that was changed, and says what to do', async () => {
    const { world, archive } = await lived();
    const { archiver } = archiverOf(world, archive);
    const spoilt = world.log.stored(tasks)[2]?.data;
    if (spoilt === undefined) throw new Error('too few messages');
    spoilt[spoilt.length - 1] = (spoilt.at(-1) ?? 0) ^ 1;
    await expect(archiver.runOnce()).rejects.toThrow(/tasks-0 sequence 4 does not follow.*good copy/);
    expect(await archive.list(tasks)).toEqual([]);
  });

  it('refuses an archive of another log, and one that reaches beyond its own', async () => {
    const { world, archive } = await lived();
    await archiverOf(world, archive).archiver.runOnce();
    const other = await lived();
    await work(other.world);
    await expect(archiverOf(other.world, archive).archiver.runOnce()).rejects.toThrow(/is not of this log/);
    const empty = new World({ partitions: 1 });
    worlds.push(empty);
    await empty.start();
    await expect(archiverOf(empty, archive, { streams: [tasks] }).archiver.runOnce()).rejects.toThrow(
      /beyond the stream/,
    );
  });
});

describe('the owner of a stream', () => {
  const told = (world: World): unknown[] =>
    world.events('SegmentArchived').map(({ stream, event }) => ({ stream, ...event }));

  it('writes down once what is archived, and nothing that it has not written itself', async () => {
    const { world, archive } = await lived();
    const { archiver } = archiverOf(world, archive, {
      sealMessages: 5,
      tell: async ({ stream, ...command }) =>
        (await world.bus.request(commands.archived(stream), command)).ok,
    });
    await archiver.runOnce();
    await world.quiet();
    const sealed = (await archive.list(tasks)).findLast(({ isSealed }) => isSealed);
    expect(told(world)).toContainEqual(expect.objectContaining({ stream: tasks, last: sealed?.last }));
    const before = told(world).length;
    await archiverOf(world, archive, {
      tell: async ({ stream, ...command }) =>
        (await world.bus.request(commands.archived(stream), command)).ok,
    }).archiver.runOnce();
    await world.crash(() => true);
    const again = { last: sealed?.last, lastHash: '', sha256: '' };
    expect(await world.bus.request(commands.archived(tasks), again)).toMatchObject({ ok: true });
    await world.quiet();
    expect(told(world)).toHaveLength(before);
    expect(await world.bus.request(commands.archived(tasks), { ...again, last: 9_999 })).toMatchObject({
      ok: false,
    });
  });
});

describe('a log with its archive behind it', () => {
  it('restores every role though the front of its streams is gone', async () => {
    const { world, archive } = await lived();
    const { archiver } = archiverOf(world, archive, { sealMessages: 6 });
    await archiver.runOnce();
    await work(world);
    await archiver.runOnce();
    for (const stream of world.streams) world.log.trim(stream, lastOf(world, stream) - 1);
    const live = dumpRoles(world.roles);
    await world.crash(() => true);
    expect(differences(live, dumpRoles(world.roles))).toEqual([]);
    await work(world);
  });

  it('reads a message that the broker lost from its second copy', async () => {
    const { world, archive } = await lived();
    await archiverOf(world, archive).archiver.runOnce();
    const whole = world.log.stored(tasks).map(({ data }) => hashOf(data));
    world.log.damage(tasks, 3);
    const read: string[] = [];
    for await (const { data } of withArchive(world.log.open(), archive).read(tasks, 1, whole.length))
      read.push(hashOf(data));
    expect(read).toEqual(whole);
  });

  it('is followed on, through the archive, by who stood still while the front of a stream was purged', async () => {
    const { world, archive } = await lived();
    const broker = sleepy(world.log.open());
    const heard: number[] = [];
    const failures: Error[] = [];
    const follower = await withArchive(broker.log, archive).follow(
      tasks,
      1,
      ({ seq }) => heard.push(seq),
      (error) => failures.push(error),
    );
    await world.quiet();
    broker.fallAsleep();
    await work(world);
    await archiverOf(world, archive, { sealMessages: 2 }).archiver.runOnce();
    world.log.trim(tasks, lastOf(world, tasks) - 1);
    broker.wake(heard.length + 1);
    await world.quiet();
    expect(failures).toEqual([]);
    expect(heard).toEqual(Array.from({ length: lastOf(world, tasks) }, (_, i) => i + 1));
    // A hole that no purge made is told.
    broker.wake(heard.length + 1);
    await world.quiet();
    expect(failures).toMatchObject([{ code: 'log-gap' }]);
    follower.stop();
  });

  it('says what is missing when neither has it', async () => {
    const { world, archive } = await lived();
    world.log.damage(tasks, 3);
    const reading = async (): Promise<void> => {
      for await (const _ of withArchive(world.log.open(), archive).read(tasks, 1, lastOf(world, tasks)));
    };
    await expect(reading()).rejects.toThrow('lacks sequence 3');
  });
});

describe('an archive that is read back', () => {
  const spoil: [string, (archive: MemoryLogArchive) => void, RegExp][] = [
    ['a flipped bit', (a) => flip(a, -1), /was changed or cut short.*put back a good copy/],
    ['a flipped bit in its header', (a) => flip(a, 2), /no header|says that it is|was changed/],
    [
      'a segment cut short',
      (a) => {
        const file = a.files.get(first(a));
        if (file !== undefined) file.bytes = file.bytes.slice(0, file.bytes.length - 20);
      },
      /cut short/,
    ],
    [
      'an empty segment',
      (a) => {
        const file = a.files.get(first(a));
        if (file !== undefined) file.bytes = new Uint8Array();
      },
      /has no header/,
    ],
    ['a segment that is gone', (a) => a.files.delete(first(a)), /is missing|lacks/],
  ];

  it.each(spoil)('finds %s, and says the way out', async (_, change, says) => {
    const { world, archive } = await lived();
    const { archiver } = archiverOf(world, archive);
    await archiver.runOnce();
    await work(world);
    await archiver.runOnce();
    expect((await verifyArchive(archive, tasks)).faults).toEqual([]);
    change(archive);
    const { faults } = await verifyArchive(archive, tasks);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(says);
  });

  it('finds a segment of another history', async () => {
    const { world, archive } = await lived();
    const other = await lived();
    await archiverOf(world, archive).archiver.runOnce();
    const { archiver } = archiverOf(other.world, other.archive);
    await archiver.runOnce();
    await work(other.world);
    await archiver.runOnce();
    const foreign = (await other.archive.list(tasks)).at(-1);
    const own = (await archive.list(tasks)).at(-1);
    if (foreign === undefined || own === undefined) throw new Error('nothing was archived');
    expect(foreign.first).toBe(own.last + 1);
    await archive.write(foreign, (await other.archive.read(foreign)) ?? new Uint8Array());
    expect((await verifyArchive(archive, tasks)).faults[0]).toMatch(/does not follow on the segment before/);
  });
});

const first = (archive: MemoryLogArchive): string =>
  [...archive.files.keys()].find((key) => key.startsWith(`${tasks}/`)) ?? '';

function flip(archive: MemoryLogArchive, at: number): void {
  const bytes = archive.files.get(first(archive))?.bytes;
  if (bytes === undefined) throw new Error('nothing was archived');
  const i = at < 0 ? bytes.length + at : at;
  bytes[i] = (bytes[i] ?? 0) ^ 1;
}

describe('the archive and its stream', () => {
  it('are held against each other: what left the stream, what its owner wrote down, and where both have a message', async () => {
    const { world, archive } = await lived();
    const { archiver } = archiverOf(world, archive, {
      sealMessages: 5,
      tell: async ({ stream, last, lastHash, sha256 }) =>
        (await world.bus.request(commands.archived(stream), { last, lastHash, sha256 })).ok,
    });
    await archiver.runOnce();
    await world.quiet();
    await archiver.runOnce();
    const faults = async (): Promise<readonly string[]> =>
      (await verifyAgainstLog(world.log.open(), archive, tasks)).faults;
    expect(world.events('SegmentArchived').some(({ stream }) => stream === tasks)).toBe(true);
    expect(await faults()).toEqual([]);
    // What somebody wrote past the owner is a link of the chain, and no fault of the archive.
    const { last } = await world.log.open().head(tasks);
    await world.log.open().writer(tasks, last).append('foreign', Buffer.from('no envelope'));
    expect(await faults()).toEqual([]);
    const files = [...archive.files];
    for (const [key, { name }] of files)
      if (name.stream === tasks && name.isSealed) archive.files.delete(key);
    expect((await faults()).join()).toMatch(
      /lacks the segment that ends at \d+, which message \d+ says is there/,
    );
    for (const [key] of files) archive.files.delete(key);
    world.log.trim(tasks, 4);
    expect((await faults()).join()).toMatch(/stream tasks-0 begins at 5, but its archive ends at 0/);
  });
});
