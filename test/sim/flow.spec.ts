import { afterEach, describe, expect, it } from 'vitest';
import { FakeWorker } from './fake-worker.js';
import { draft, handlerSpec, World } from './world.js';

let world: World;
afterEach(() => {
  world.stop();
});

async function worldWithWorker(options = {}): Promise<FakeWorker> {
  world = new World(options);
  await world.start();
  const worker = new FakeWorker(
    world.bus,
    'w1',
    { kind: 'sdk', handlers: ['noop'], capacity: { slots: 10 } },
    1,
  );
  worker.join();
  await world.quiet();
  return worker;
}

describe.each(['proposed', 'committed'] as const)('a cell whose roles hand over %s envelopes', (handOver) => {
  it('runs a task from submission to its result', async () => {
    const worker = await worldWithWorker({ handOver });
    const reply = await world.submit(0, [draft('a')]);
    if (!reply.ok) throw new Error(reply.rejection.detail);
    await world.quiet();
    expect(worker.ran).toHaveLength(1);
    const task = await world.task(0, reply.value.ids[0] ?? '');
    expect(task).toMatchObject({ state: 'succeeded', result: { from: reply.value.ids[0] } });
    expect(worker.journal.size).toBe(0);
  });

  it('runs a workflow in dependency order and passes results to children', async () => {
    const worker = await worldWithWorker({ handOver });
    const reply = await world.submit(
      1,
      [
        draft('a'),
        draft('b', { parents: [0] }),
        draft('c', { parents: [0] }),
        draft('d', { parents: [1, 2] }),
      ],
      { workflow: { name: 'w', labels: null } },
    );
    if (!reply.ok) throw new Error(reply.rejection.detail);
    await world.quiet(100);
    expect((await world.workflow(1, reply.value.workflow ?? ''))?.state).toBe('succeeded');
    expect(worker.ran.map(([, , , work]) => work.name)).toEqual([
      'a',
      expect.stringMatching(/b|c/),
      expect.stringMatching(/b|c/),
      'd',
    ]);
    expect(Object.keys(worker.ran[3]?.[3].parents ?? {}).sort()).toEqual(['b', 'c']);
  });

  it('retries with backoff, then gives up and takes down what needs it', async () => {
    const worker = await worldWithWorker({ handOver });
    worker.outcome = () => 'app';
    const retry = { maxAttempts: 2, lostBudget: 5, initialBackoffMs: 1000, maxBackoffMs: 1000, on: null };
    const reply = await world.submit(0, [draft('a'), draft('b', { parents: [0] })], {
      workflow: { name: 'w', labels: null },
      specs: [handlerSpec({ retry })],
    });
    if (!reply.ok) throw new Error(reply.rejection.detail);
    await world.quiet();
    expect((await world.task(0, reply.value.ids[0] ?? ''))?.state).toBe('backing_off');
    await world.pass(2000);
    expect(await world.task(0, reply.value.ids[0] ?? '')).toMatchObject({ state: 'failed', category: 'app' });
    expect((await world.task(0, reply.value.ids[1] ?? ''))?.state).toBe('upstream_failed');
    expect((await world.workflow(0, reply.value.workflow ?? ''))?.state).toBe('failed');
    expect(worker.ran).toHaveLength(2);
  });

  it('goes on from the log after a crash, and repeats nothing that finished', async () => {
    const worker = await worldWithWorker({ handOver });
    const reply = await world.submit(0, [draft('a'), draft('b')]);
    if (!reply.ok) throw new Error(reply.rejection.detail);
    await world.quiet();
    await world.crash(() => true);
    const again = new FakeWorker(
      world.bus,
      'w1',
      { kind: 'sdk', handlers: ['noop'], capacity: { slots: 10 } },
      1,
    );
    again.join();
    await world.pass(1000);
    expect(again.ran).toHaveLength(0);
    expect((await world.task(0, reply.value.ids[0] ?? ''))?.state).toBe('succeeded');
    const more = await world.submit(0, [draft('c')]);
    expect(more.ok).toBe(true);
    await world.quiet();
    expect(again.ran).toHaveLength(1);
    expect(worker.ran).toHaveLength(2);
  });
});
