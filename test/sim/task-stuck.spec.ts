import { encodeEnvelope, HEARTBEAT_MS, streams, type AlertView } from '@yardmaster/contracts';
import type { DomainEvent } from '@yardmaster/domain';
import { asTaskId, asWorkerId } from '@yardmaster/kernel';
import { afterEach, describe, expect, it } from 'vitest';
import type { FakeWorker } from './fake-worker.js';
import { draft, handlerSpec, World } from './world.js';

const retry = { maxAttempts: 3, lostBudget: 5, initialBackoffMs: 1, maxBackoffMs: 1, on: null };
let world: World;
afterEach(() => {
  world.stop();
});

const begin = async (): Promise<void> => {
  world = new World({ partitions: 1, monitor: true });
  await world.start();
};
const submit = async (capMs = 3_600_000): Promise<string> =>
  (await world.admit(0, [draft('a')], { specs: [handlerSpec({ retry, capMs })] })).ids[0] ?? '';
const pass = async (ms: number, ...workers: readonly FakeWorker[]): Promise<void> => {
  for (let left = ms; left > 0; left -= HEARTBEAT_MS) {
    for (const worker of workers) worker.heartbeat();
    await world.pass(Math.min(left, HEARTBEAT_MS), 60);
  }
};

/** Writes an event that no owner ever decided into a stream of a yard that is down, and starts it again. */
async function forge(stream: string, event: DomainEvent): Promise<void> {
  world.stop();
  const last = world.disk(stream).at(-1);
  if (last === undefined) throw new Error(`${stream} is empty`);
  // As if its writer had known all that was queued.
  const queue = world.disk(streams.queue()).at(-1);
  const causes = queue === undefined ? [] : [[queue.stream, queue.seq, queue.hash.slice(0, 16)] as const];
  const bytes = encodeEnvelope(
    { ...last, commit: 'forged', prev: last.hash, group: null, causes, events: [event] },
    () => new Uint8Array(32).fill(7),
  );
  const outcome = await world.log.open().writer(stream, last.seq).append('forged', bytes);
  expect(outcome.kind).toBe('stored');
  await world.crash(() => true);
}

const alerts = (): unknown[] =>
  world.alerts.filter(({ id }) => id.startsWith('task-stuck/')).map(({ what, id }) => `${what} ${id}`);
const raised = async (): Promise<AlertView | undefined> => {
  const reply = await world.bus.request<AlertView[]>('yard.cmd.v1.monitor', { op: 'alerts' });
  return reply.ok ? reply.value.find(({ kind }) => kind === 'task-stuck') : undefined;
};

describe('a task that is stuck', () => {
  it('is alerted when the queue takes a running attempt for done, after a lease and more, until they agree', async () => {
    await begin();
    const worker = world.worker();
    worker.outcome = () => null;
    worker.join();
    await world.quiet();
    const task = await submit();
    const [, attempt, fence] = worker.ran[0] ?? ['', 0, 0];
    // The queue goes by the number of the attempt, the others by its fence.
    await forge(streams.leases(), {
      type: 'LeaseEnded',
      task: asTaskId(task),
      p: 0,
      tenant: 1,
      attempt,
      fence: fence + 1,
      worker: asWorkerId('w1'),
      outcome: 'ok',
      exitCode: null,
      usage: null,
      sealed: null,
    });
    worker.join(world.bus);
    await pass(50_000, worker);
    expect(alerts()).toEqual([]);
    await pass(40_000, worker);
    expect(alerts()).toEqual([`raised task-stuck/${task}`]);
    expect(await raised()).toMatchObject({
      subject: task,
      message: expect.stringContaining('holds a lease for it, and the queue has it as done') as string,
      action: `end it with \`yard task force-end ${task} --reason TEXT\`, and submit it again if it is wanted`,
    });
    worker.finish('ok');
    await pass(40_000, worker);
    expect((await world.task(0, task))?.state).toBe('succeeded');
    expect(alerts()).toEqual([`raised task-stuck/${task}`, `cleared task-stuck/${task}`]);
  });

  it('is alerted when there is a lease that its owner never heard of, also under a new monitor', async () => {
    await begin();
    // One that has no place for it: it waits in the queue.
    const worker = world.worker('w1', { capacity: { slots: 1 } });
    worker.outcome = () => null;
    worker.join();
    await world.quiet();
    await submit();
    const task = await submit(200_000);
    expect((await world.task(0, task))?.state).toBe('queued');
    await forge(streams.leases(), {
      type: 'LeaseGranted',
      task: asTaskId(task),
      // Another partition's: its owner takes no notice.
      p: 1,
      tenant: 1,
      cls: 0,
      attempt: 1,
      fence: 3 * 2 ** 32,
      worker: asWorkerId('ghost'),
      capMs: 200_000,
    });
    worker.join(world.bus);
    await pass(100_000, worker);
    expect(alerts()).toEqual([`raised task-stuck/${task}`]);
    expect((await raised())?.message).toContain(
      'knows no live attempt, and the resource manager holds a lease',
    );
    // The cap of that lease is its end, and the task runs.
    worker.outcome = () => 'ok';
    worker.finish('ok');
    await pass(150_000, worker);
    expect((await world.task(0, task))?.state).toBe('succeeded');
    expect(alerts()).toEqual([`raised task-stuck/${task}`, `cleared task-stuck/${task}`]);
  });

  it('is none while all is well, however long tasks run, wait or back off', async () => {
    await begin();
    const worker = world.worker();
    worker.outcome = () => null;
    worker.join();
    await world.quiet();
    for (let i = 0; i < 12; i++) await submit();
    await world.cancel(0, await submit());
    await pass(180_000, worker);
    expect(worker.ran).toHaveLength(10);
    await world.crash(() => true);
    worker.join(world.bus);
    await pass(120_000, worker);
    worker.isSilent = true;
    await pass(120_000);
    expect(alerts()).toEqual([]);
  });
});
