import { commands, roleFolds, streams, type ArchivedCommand } from '@yardmaster/contracts';
import type { EventLog, LogArchive, SnapshotStore, TenantKeystore } from '@yardmaster/ports';
import {
  Archiver,
  FollowerRegister,
  Purger,
  Snapshotter,
  withArchive,
  type Bus,
} from '@yardmaster/service-kit';
import type { SimProcess } from './sim-process.js';

export interface UpkeepParts {
  readonly process: SimProcess;
  readonly bus: Bus;
  readonly log: EventLog;
  readonly archive: LogArchive;
  readonly store: SnapshotStore;
  readonly keystore: TenantKeystore;
  readonly partitions: number;
  readonly streams: readonly string[];
  /** Before each step that changes something; true when its process dies instead. */
  readonly dies: (step: string) => boolean;
  readonly beforePurge: () => void;
}

/** One look of the process that archives, takes snapshots and purges. Tells how many messages were purged. */
export async function look(parts: UpkeepParts): Promise<number> {
  const { process, bus, keystore, partitions } = parts;
  const archive = dyingArchive(parts);
  const log = dyingLog(parts);
  const store = dyingStore(parts);
  await new Archiver({
    log,
    archive,
    streams: parts.streams.filter((stream) => stream !== streams.deadLetters && stream !== streams.alerts),
    sealMessages: 6,
    tell: async ({ stream, last, lastHash, sha256 }) => {
      step(parts, 'tell the owner');
      const command: ArchivedCommand = { last, lastHash, sha256 };
      return (await bus.request(commands.archived(stream), command)).ok;
    },
  }).runOnce();
  const folds = new Map([...roleFolds(partitions)].filter(([role]) => role !== 'monitor'));
  const { clock } = process;
  const read = withArchive(log, archive);
  const snapshotter = new Snapshotter({ log: read, keystore, store, clock, folds, everyMessages: 5 });
  await snapshotter.runOnce();
  return await new Purger({
    log,
    archive,
    folds,
    newest: (role) => snapshotter.newest(role),
    followers: new FollowerRegister(null),
    keepMessages: 2,
    now: () => clock.now(),
  }).runOnce();
}

function step({ process, dies }: UpkeepParts, name: string): void {
  if (!dies(name)) return;
  process.kill();
  throw new Error('killed');
}

function dyingArchive(parts: UpkeepParts): LogArchive {
  const { archive } = parts;
  return {
    list: (stream) => archive.list(stream),
    read: (name) => archive.read(name),
    write: async (name, bytes) => {
      step(parts, 'write a segment');
      await archive.write(name, bytes);
    },
    drop: async (name) => {
      step(parts, 'drop an open segment');
      await archive.drop(name);
    },
  };
}

function dyingStore(parts: UpkeepParts): SnapshotStore {
  const { store } = parts;
  return {
    list: (folder) => store.list(folder),
    read: (folder, name) => store.read(folder, name),
    write: async (folder, name, bytes) => {
      step(parts, 'write a snapshot');
      await store.write(folder, name, bytes);
    },
    drop: async (folder, name) => {
      step(parts, 'drop a snapshot');
      await store.drop(folder, name);
    },
  };
}

function dyingLog(parts: UpkeepParts): EventLog {
  const { log } = parts;
  return {
    durability: log.durability,
    ensure: (specs) => log.ensure(specs),
    head: (stream) => log.head(stream),
    read: (stream, from, to) => log.read(stream, from, to),
    follow: (stream, from, onMessage, onFailure) => log.follow(stream, from, onMessage, onFailure),
    writer: (stream, last) => log.writer(stream, last),
    appendUnfenced: (stream, id, data) => log.appendUnfenced(stream, id, data),
    close: () => log.close(),
    purge: async (stream, upTo) => {
      step(parts, 'purge');
      parts.beforePurge();
      await log.purge(stream, upTo);
    },
  };
}
