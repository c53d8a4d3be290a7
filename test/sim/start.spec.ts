import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { streams } from '@yardmaster/contracts';
import {
  Archiver,
  installationOf,
  mustBelong,
  mustFitArchive,
  mustNotBeAhead,
} from '@yardmaster/service-kit';
import { MemoryLogArchive } from '@yardmaster/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { checkState } from '../../libs/composition/src/check-state.js';
import { draft, World } from './world.js';

const worlds: World[] = [];
const homes: string[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) world.stop();
  for (const home of homes.splice(0)) await rm(home, { recursive: true });
});

async function lived(tasks = 3): Promise<World> {
  const world = new World({ partitions: 1 });
  worlds.push(world);
  await world.start();
  for (let n = 0; n < tasks; n++) await world.admit(0, [draft(`t${String(n)}`)]);
  return world;
}

async function archived(world: World): Promise<MemoryLogArchive> {
  const archive = new MemoryLogArchive();
  const tell = (): Promise<boolean> => Promise.resolve(true);
  await new Archiver({ log: world.read(), archive, streams: chained(world), tell }).runOnce();
  return archive;
}

const chained = (world: World): string[] => world.streams.filter((stream) => stream !== streams.deadLetters);

describe('a start', () => {
  it('is refused when the broker knows less than its archive, with the way out', async () => {
    const archive = await archived(await lived());
    const older = await lived(0);
    const start = mustFitArchive({ log: older.read(), archive, place: '/a', streams: ['tasks-0'] });
    await expect(start).rejects.toThrow(
      /tasks-0 ends at 1 in the broker, but its archive goes on to \d+: .*older copy.*mv \/a \/a\.given-up.*YARD_REBUILD=1/,
    );
  });

  it('is refused when the broker has another past than its archive', async () => {
    const archive = await archived(await lived());
    const other = await lived(6);
    const start = mustFitArchive({ log: other.read(), archive, place: '/a', streams: ['tasks-0'] });
    await expect(start).rejects.toThrow(
      /another message \d+ in the broker than in its archive: they are of two yards/,
    );
  });

  it('is refused when a view is ahead of the log, or has seen another', async () => {
    const world = await lived();
    const { last } = await world.read().head('tasks-0');
    const hash = world.disk('tasks-0').at(-1)?.hash ?? '';
    const ahead = (seq: number, of: string): Promise<void> =>
      mustNotBeAhead('Postgres', new Map([['tasks-0', { seq, hash: of }]]), world.read());
    await ahead(last, hash);
    await expect(ahead(last + 5, hash)).rejects.toThrow(
      /Postgres has seen stream tasks-0 up to \d+, but the log ends at \d+: .*YARD_REBUILD=1 npm start/,
    );
    await expect(ahead(last, '0'.repeat(64))).rejects.toThrow(/has seen another message/);
  });

  it('is refused in a state directory of another installation, which is remembered from the first start on', async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'yard-start-'));
    homes.push(home);
    const world = await lived();
    const config = { home, archive: path.join(home, 'archive') };
    const start = (of: World): Promise<void> =>
      checkState(config, of.read(), new MemoryLogArchive(), of.streams);
    await start(world);
    await start(world);
    const mine = (await readFile(path.join(home, 'installation'), 'utf8')).trim();
    expect(await installationOf(world.read())).toBe(mine);
    await expect(start(await lived(1))).rejects.toThrow(
      new RegExp(
        `${home} belongs to installation ${mine}, but the broker's log is that of [0-9a-f-]+: .*YARD_HOME`,
      ),
    );
    expect(() => {
      mustBelong(home, mine, null);
    }).toThrow(/the broker's log is empty: .*YARD_NATS_URL/);
    // A directory that is new, or of a yard before this was remembered, belongs to whoever comes.
    mustBelong(home, null, 'x');
  });

  it('goes well on what fits', async () => {
    const world = await lived();
    const archive = await archived(world);
    await world.admit(0, [draft('more')]);
    await mustFitArchive({ log: world.read(), archive, place: '/a', streams: chained(world) });
  });
});
