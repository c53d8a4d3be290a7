import {
  CHAIN_START,
  commands,
  decodeEnvelope,
  encodeEnvelope,
  hashOf,
  roleFolds,
  type DomainEvent,
} from '@yardmaster/contracts';
import { openNatsEventLog, type NatsEventLog } from '@yardmaster/eventlog-nats';
import type { LogWriter } from '@yardmaster/ports';
import {
  Archiver,
  FollowerRegister,
  Purger,
  restore,
  RoleRunner,
  Snapshotter,
  withArchive,
} from '@yardmaster/service-kit';
import { MemoryLogArchive, MemorySnapshotStore, NatsBroker } from '@yardmaster/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const KEY = new Uint8Array(32).fill(7);
const keystore = { keyOf: (): Uint8Array => KEY };
const STREAM = 'ids';

/** The owner of the ids, as far as its stream shows it. */
class Owner {
  #prev = CHAIN_START;
  #n = 0;
  constructor(private readonly writer: LogWriter) {}

  async write(event: DomainEvent): Promise<void> {
    const commit = `c${String(++this.#n)}`;
    const draft = { node: 'n', epoch: 1, at: this.#n, seed: 1, config: '0badcafe', causes: [], group: null };
    const bytes = encodeEnvelope(
      { ...draft, stream: STREAM, commit, prev: this.#prev, events: [event] },
      keystore.keyOf,
    );
    this.#prev = hashOf(bytes);
    expect(await this.writer.append(`${STREAM}/${commit}`, bytes)).toMatchObject({ kind: 'stored' });
  }

  async lease(from: number, to: number): Promise<void> {
    for (let n = from; n <= to; n++)
      await this.write({
        type: 'GeneratorLeased',
        partition: n % 8,
        generator: n % 16,
        holder: `h${String(n)}`,
        fromMs: n,
        untilMs: n + 1,
      });
  }
}

describe('a purge over NATS', () => {
  let broker: NatsBroker;
  const archive = new MemoryLogArchive();
  const store = new MemorySnapshotStore();
  const folds = new Map([...roleFolds(1)].filter(([role]) => role === 'ids'));
  beforeAll(async () => {
    [broker] = (await NatsBroker.start()) as [NatsBroker];
  });
  afterAll(async () => {
    await broker.remove();
  });

  const open = async (): Promise<NatsEventLog> => {
    const log = await openNatsEventLog({ url: broker.url, name: 'test', replicas: 1, syncAlways: true });
    await log.ensure([{ name: STREAM, subject: 'yard.evt.v1.ids', maxBytes: 4_000_000 }]);
    return log;
  };
  const crash = async (log: NatsEventLog): Promise<NatsEventLog> => {
    await log.close();
    await broker.kill();
    await broker.up();
    return await open();
  };
  const leasesOf = async (log: NatsEventLog): Promise<unknown[]> => {
    const fold = roleFolds(1).get('ids')?.();
    if (fold === undefined) throw new Error('no such role');
    const head = (await log.head(STREAM)).last;
    await restore(new RoleRunner(fold), withArchive(log, archive), keystore, new Map([[STREAM, head]]));
    return [...fold.snapshot.rows(0)];
  };

  it('loses nothing, whichever step the broker dies after', async () => {
    let log = await open();
    const owner = new Owner(log.writer(STREAM, 0));
    await owner.write({ type: 'OwnerTookOver', role: 'ids', epoch: 1, node: 'n' });
    await owner.lease(2, 40);
    const told: DomainEvent[] = [];
    const archiver = (of: NatsEventLog): Archiver =>
      new Archiver({
        log: of,
        archive,
        streams: [STREAM],
        sealMessages: 30,
        tell: ({ last, lastHash, sha256 }) => {
          told.push({ type: 'SegmentArchived', last, lastHash, sha256 });
          return Promise.resolve(true);
        },
      });
    await archiver(log).runOnce();
    const [archived] = told;
    if (archived === undefined) throw new Error(`nobody was told on ${commands.archived(STREAM)}`);
    await owner.write(archived);
    await owner.lease(42, 60);
    const before = await leasesOf(log);

    log = await crash(log);
    expect(await leasesOf(log)).toEqual(before);
    const snapshotter = (of: NatsEventLog): Snapshotter =>
      new Snapshotter({
        log: withArchive(of, archive),
        keystore,
        store,
        clock: { now: () => Date.now(), monotonic: () => performance.now() },
        folds,
        everyMessages: 1,
        settledMs: 0,
      });
    expect(await snapshotter(log).runOnce()).toBe(1);

    log = await crash(log);
    const purger = (of: NatsEventLog): Purger => {
      const kept = snapshotter(of);
      return new Purger({
        log: of,
        archive,
        folds,
        newest: (role) => kept.newest(role),
        followers: new FollowerRegister(null),
        keepMessages: 1,
        now: () => 0,
      });
    };
    const purged = await purger(log).runOnce();
    expect(purged).toBe(30);
    expect(await log.head(STREAM)).toEqual({ first: 31, last: 60 });
    expect(await purger(log).runOnce()).toBe(0);

    log = await crash(log);
    expect((await log.head(STREAM)).last).toBe(60);
    const all: number[] = [];
    for await (const { seq, data } of withArchive(log, archive).read(STREAM, 1, 60)) {
      decodeEnvelope(STREAM, seq, data, keystore.keyOf);
      all.push(seq);
    }
    expect(all).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    expect(await leasesOf(log)).toEqual(before);
    const followed: number[] = [];
    const follower = await withArchive(log, archive).follow(
      STREAM,
      20,
      ({ seq }) => followed.push(seq),
      () => undefined,
    );
    await expect.poll(() => followed.at(-1)).toBe(60);
    follower.stop();
    expect(followed).toEqual(Array.from({ length: 41 }, (_, i) => i + 20));
    await log.close();
  }, 120_000);
});
