import { commands, HEARTBEAT_MS, LEASE_TTL_MS, type QueueView } from '@yardmaster/contracts';
import { ResourcesRole } from '@yardmaster/resource-manager';
import { afterEach, describe, expect, it } from 'vitest';
import type { FakeWorker } from './fake-worker.js';
import { draft, handlerSpec, World } from './world.js';

const LONG_MS = 300_000;
const retry = { maxAttempts: 3, lostBudget: 5, initialBackoffMs: 1, maxBackoffMs: 1, on: null };

let world: World;
let worker: FakeWorker;
afterEach(() => {
  world.stop();
});

async function begin(): Promise<void> {
  world = new World({ partitions: 1 });
  await world.start();
  worker = world.worker();
  worker.outcome = () => null;
  worker.join();
  await world.quiet();
}
async function submit(leaseTtlMs?: number): Promise<string> {
  const spec = handlerSpec({ retry, ...(leaseTtlMs === undefined ? {} : { leaseTtlMs }) });
  return (await world.admit(0, [draft('a')], { specs: [spec] })).ids[0] ?? '';
}
async function setQueue(ttlMs: number | null): Promise<void> {
  const done = world.bus.request<QueueView>(commands.queue(), {
    op: 'set-lease-ttl',
    queue: 'default',
    ttlMs,
  });
  expect(await done).toMatchObject({ ok: true, value: { leaseTtlMs: ttlMs ?? LEASE_TTL_MS } });
  await world.quiet();
}
const endsOf = (task: string): unknown[] =>
  world
    .events('LeaseEnded')
    .flatMap(({ event }) => (event.type === 'LeaseEnded' && event.task === task ? [event.outcome] : []));
const ttlOf = (task: string): number | undefined =>
  world.role(ResourcesRole).state.leases.get(task as never)?.ttlMs;
const toldOf = (task: string): number | undefined => worker.ran.find(([id]) => id === task)?.[3].leaseTtlMs;
const pass = async (ms: number, ...workers: readonly FakeWorker[]): Promise<void> => {
  for (let left = ms; left > 0; left -= HEARTBEAT_MS) {
    for (const one of workers) one.heartbeat();
    await world.pass(Math.min(left, HEARTBEAT_MS));
  }
};

describe('the time of a lease', () => {
  it('is 30 s and written nowhere, unless the task or else its queue says otherwise', async () => {
    await begin();
    const plain = await submit();
    await setQueue(LONG_MS);
    const [ofQueue, ofTask] = [await submit(), await submit(60_000)];
    await setQueue(null);
    const again = await submit();
    expect([plain, ofQueue, ofTask, again].map(ttlOf)).toEqual([30_000, LONG_MS, 60_000, 30_000]);
    expect([plain, ofQueue, ofTask, again].map(toldOf)).toEqual([undefined, LONG_MS, 60_000, undefined]);
    const written = world
      .events('LeaseGranted')
      .map(({ event }) => (event.type === 'LeaseGranted' ? event.ttlMs : 0));
    expect(written).toEqual([undefined, LONG_MS, 60_000, undefined]);
  });

  it('is how long its worker may be silent: shorter ones end before it, and then the worker is gone', async () => {
    await begin();
    const [long, short] = [await submit(LONG_MS), await submit()];
    const other = world.worker('w2');
    other.join();
    worker.isSilent = true;
    await pass(40_000, other);
    expect([endsOf(short), endsOf(long)]).toEqual([['lost', 'ok'], []]);
    // It may run what it has, and gets nothing new.
    expect((await world.task(0, await submit()))?.state).toBe('succeeded');
    expect(worker.ran).toHaveLength(2);
    expect(world.events('WorkerGone')).toEqual([]);
    await pass(LONG_MS - 45_000, other);
    expect(endsOf(long)).toEqual([]);
    await pass(20_000, other);
    expect(endsOf(long)).toEqual(['lost', 'ok']);
    expect(world.events('WorkerGone')).toHaveLength(1);
  });

  it('lets a worker that comes back within it go on with its attempt', async () => {
    await begin();
    const [long, short] = [await submit(LONG_MS), await submit()];
    worker.isSilent = true;
    await pass(120_000);
    worker.isSilent = false;
    worker.heartbeat();
    await world.quiet();
    // Which of them is over, it hears.
    expect(worker.kills.map(([task, , , reason]) => [task, reason])).toEqual([[short, 'lost']]);
    worker.finish('ok');
    await world.quiet();
    expect(endsOf(long)).toEqual(['ok']);
    expect((await world.task(0, long))?.state).toBe('succeeded');
  });

  it('is waited for by a new resource manager in full', async () => {
    await begin();
    const [long, short] = [await submit(LONG_MS), await submit()];
    await pass(LEASE_TTL_MS - 10_000);
    await world.crash(() => true);
    await pass(LEASE_TTL_MS);
    expect([endsOf(short), endsOf(long)]).toEqual([[], []]);
    await pass(10_000);
    expect([endsOf(short), endsOf(long)]).toEqual([['lost'], []]);
    await pass(LONG_MS - LEASE_TTL_MS - 10_000);
    expect(endsOf(long)).toEqual([]);
    await pass(15_000);
    expect(endsOf(long)).toEqual(['lost']);
  });

  it('is told again with an attempt that is handed out once more', async () => {
    await begin();
    const task = await submit(60_000);
    await world.crash(() => true);
    const again = world.worker();
    again.outcome = () => null;
    again.join(world.bus);
    await world.quiet();
    expect(again.ran.map(([id, , , work]) => [id, work.leaseTtlMs])).toEqual([[task, 60_000]]);
  });
});
