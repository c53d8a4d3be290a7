import { LEASE_TTL_MS } from '@yardmaster/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { draft, handlerSpec, World } from './world.js';

let world: World;
afterEach(() => {
  world.stop();
});

const retry = { maxAttempts: 3, lostBudget: 5, initialBackoffMs: 1, maxBackoffMs: 1, on: null };
const submit = async (name: string): Promise<string> =>
  (await world.admit(0, [draft(name)], { specs: [handlerSpec({ retry })] })).ids[0] ?? '';

describe('a task that takes its workers down', () => {
  it('is dead after four of them, the last of which it had for itself; what ran beside it goes on', async () => {
    world = new World({ partitions: 1 });
    await world.start();
    const poison = await submit('poison');
    const ran: { readonly worker: string; readonly others: number }[] = [];
    let bystander = '';
    for (let n = 1; n <= 4; n++) {
      const worker = world.worker(`w${String(n)}`);
      worker.outcome = ([task]) => (task === poison || n === 3 ? null : 'ok');
      worker.join();
      await world.quiet();
      if (n === 3) bystander = await submit('bystander');
      // On the last it is alone from its start to the end of the worker, whatever waits.
      if (n === 4) await submit('later');
      ran.push({
        worker: worker.id,
        others: worker.ran.filter(([task]) => task !== poison).length,
      });
      expect(worker.ran.map(([task]) => task)).toContain(poison);
      worker.isSilent = true;
      await world.pass(LEASE_TTL_MS + 1_000);
      // Workers that go down far apart are not a machine room that does.
      await world.pass(120_000);
    }
    expect(ran.at(-1)).toEqual({ worker: 'w4', others: 0 });
    const task = await world.task(0, poison);
    expect(task).toMatchObject({ state: 'dead', category: 'lost' });
    expect(task?.error).toMatch(/lost 4 times while it ran \(w1, w2, w3, w4\).*quarantined.*submit it again/);
    expect(task?.attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'lost', 'lost', 'lost']);
    // A worker that comes now finds those that waited, and not the dead one.
    const last = world.worker('w5');
    last.join();
    await world.quiet();
    expect(last.ran.map(([id]) => id)).not.toContain(poison);
    expect((await world.task(0, bystander))?.state).toBe('succeeded');
    expect(last.ran).toHaveLength(2);
  });

  it('is not suspected when the yard loses many workers at once', async () => {
    world = new World({ partitions: 1 });
    await world.start();
    const task = await submit('a');
    for (let n = 1; n <= 4; n++) {
      const workers = [1, 2, 3].map((k) => world.worker(`w${String(n)}-${String(k)}`));
      for (const worker of workers) {
        worker.outcome = () => null;
        worker.join();
      }
      await world.quiet();
      while (workers.some((worker) => worker.ran.length === 0)) await submit('beside');
      for (const worker of workers) worker.isSilent = true;
      await world.pass(LEASE_TTL_MS + 1_000);
      await world.pass(120_000);
    }
    const good = world.worker('good');
    good.join();
    await world.quiet();
    expect((await world.task(0, task))?.state).toBe('succeeded');
    expect(
      world
        .events('TaskBackedOff')
        .some(({ event }) => event.type === 'TaskBackedOff' && event.alone === true),
    ).toBe(false);
  });
});
