import { commands, LEASE_TTL_MS, type Reply, unpack } from '@yardmaster/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { draft, handlerSpec, World } from './world.js';

const LONG_MS = 300_000;
const retry = { maxAttempts: 3, lostBudget: 4, initialBackoffMs: 1, maxBackoffMs: 1, on: null };

let world: World;
afterEach(() => {
  world.stop();
});

/** What processes have heard of the level, by the kind of their roles; the others heard of the highest. */
async function begin(heard: Record<string, number>): Promise<void> {
  const of = (offers: ReadonlyMap<string, unknown>): number =>
    Math.min(2, ...[...offers.keys()].map((role) => heard[role.split('/')[0] ?? ''] ?? 2));
  world = new World({ partitions: 1, apart: true, level: of });
  await world.start();
}
const refused = {
  ok: false,
  rejection: {
    code: 'conflict',
    detail: expect.stringContaining('`yard admin feature-level raise`') as string,
  },
};
const ofLease = (leaseTtlMs?: number): { specs: [ReturnType<typeof handlerSpec>] } => ({
  specs: [handlerSpec({ retry, ...(leaseTtlMs === undefined ? {} : { leaseTtlMs }) })],
});
const stateOf = async (task: string): Promise<string | undefined> => (await world.task(0, task))?.state;

/** Workers that take the task and are never heard again, one after the other, each long after the one before. */
async function lose(task: string, workers: number): Promise<void> {
  for (let n = 1; n <= workers; n++) {
    const worker = world.worker(`w${String(n)}`);
    worker.outcome = () => null;
    worker.join();
    await world.quiet();
    expect(worker.ran.map(([id]) => id)).toEqual([task]);
    worker.isSilent = true;
    await world.pass(LEASE_TTL_MS + 1_000);
    await world.pass(120_000);
  }
}

describe('a cell that was not raised to level 2', () => {
  const FIRST = { submitter: 1, queue: 1, resources: 1, batcher: 1 };

  it('refuses lease times and drains with a deadline, says what to do, and writes nothing of them', async () => {
    await begin(FIRST);
    const worker = world.worker();
    worker.join();
    await world.quiet();
    expect(await world.submit(0, [draft('a')], ofLease(LONG_MS))).toMatchObject(refused);
    const ask = (subject: string, command: unknown): Promise<Reply<unknown>> =>
      world.bus.request(subject, command);
    expect(
      await ask(commands.queue(), { op: 'set-lease-ttl', queue: 'default', ttlMs: LONG_MS }),
    ).toMatchObject(refused);
    for (const onDeadline of ['checkpoint', 'kill', 'wait'])
      expect(
        await ask(commands.leases(), { op: 'drain', worker: 'w1', forMs: 60_000, onDeadline }),
      ).toMatchObject(refused);
    const { ids } = await world.admit(0, [draft('plain')], ofLease());
    expect(await stateOf(ids[0] ?? '')).toBe('succeeded');
    expect(world.events('QueueLeaseTtlSet')).toEqual([]);
    expect(world.events('WorkerDraining')).toEqual([]);
    const versions = ['tasks-0', 'queue-main', 'leases-main'].flatMap((stream) =>
      world.log.stored(stream).map(({ data }) => (unpack(data) as unknown[])[0]),
    );
    expect(new Set(versions)).toEqual(new Set([1]));
  });

  it('tries a task whose workers are lost as its budget says, beside others, and ends it as failed', async () => {
    await begin(FIRST);
    const [task = ''] = (await world.admit(0, [draft('poison')], ofLease())).ids;
    await lose(task, 5);
    expect(await world.task(0, task)).toMatchObject({ state: 'failed', category: 'lost' });
    const told = [...world.events('TaskBackedOff'), ...world.events('TaskGivenUp')].map(({ event }) => event);
    expect(told).toHaveLength(5);
    for (const event of told) {
      expect(event).not.toHaveProperty('alone');
      expect(event).not.toHaveProperty('dead');
    }
  });
});

describe('a process that has not heard yet that the cluster was raised', () => {
  it('queues and places no task with a lease time before it has: what it wrote would lack the time', async () => {
    const heard: Record<string, number> = { queue: 1, resources: 1 };
    await begin(heard);
    const worker = world.worker();
    worker.outcome = () => null;
    worker.join();
    await world.quiet();
    const [long = '', plain = ''] = [
      ...(await world.admit(0, [draft('long')], ofLease(LONG_MS))).ids,
      ...(await world.admit(0, [draft('plain')], ofLease())).ids,
    ];
    const told = (): unknown => worker.ran.map(([id, , , { leaseTtlMs }]) => [id, leaseTtlMs]);
    await world.pass(3_000);
    expect(told()).toEqual([[plain, undefined]]);
    expect(world.events('ClassDefined')).toHaveLength(1);
    heard['queue'] = 2;
    await world.pass(3_000);
    expect(world.events('ClassDefined').at(-1)?.event).toMatchObject({ spec: { leaseTtlMs: LONG_MS } });
    expect(told()).toEqual([[plain, undefined]]);
    heard['resources'] = 2;
    await world.pass(3_000);
    expect(told()).toEqual([
      [plain, undefined],
      [long, LONG_MS],
    ]);
  });

  it('ends no task as dead before it has: what it wrote would say failed', async () => {
    const heard: Record<string, number> = { submitter: 1 };
    await begin(heard);
    const [task = ''] = (await world.admit(0, [draft('poison')], ofLease())).ids;
    await lose(task, 4);
    expect(world.events('TaskGivenUp').at(-1)?.event).toMatchObject({ dead: true });
    expect(world.events('TaskFailed')).toEqual([]);
    heard['submitter'] = 2;
    await world.pass(3_000);
    expect(await stateOf(task)).toBe('dead');
  });
});
