import { commands, type LeaseCommand, type QueueView, type Reply } from '@yardmaster/contracts';
import type { RoleHost } from '@yardmaster/service-kit';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { faultsOfEnds, faultsOfLeases } from '../checkers/index.js';
import { LocalBus } from './local-bus.js';
import { draft, TestClock, World } from './world.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
let world: World;
afterEach(() => {
  world.stop();
  vi.useRealTimers();
});

const rolesOf = (host: RoleHost): string[] =>
  host
    .status()
    .filter(({ state }) => state === 'active')
    .map(({ role }) => role)
    .sort();

/** A cell whose first process has every role, and a second one that has none. */
async function two(): Promise<[RoleHost, RoleHost]> {
  world = new World({ partitions: 1, isShared: true });
  await world.start();
  const [first] = world.hosts();
  return [first!, world.spawn()];
}

/** Lets retries come, and everything that they set off. */
async function settle(rounds = 6): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    vi.advanceTimersByTime(1_000);
    await world.quiet(15);
  }
}

/** Everything moved by hand as the cluster manager would: each role to one host, at a higher epoch each time. */
class Assigner {
  readonly #owners = new Map<string, { host: RoleHost; epoch: number }>();

  constructor(
    private readonly hosts: readonly RoleHost[],
    roles: readonly string[],
  ) {
    for (const role of roles) this.#owners.set(role, { host: hosts[0]!, epoch: 1 });
  }

  move(role: string, to: RoleHost, epoch = (this.#owners.get(role)?.epoch ?? 0) + 100): RoleHost {
    const from = this.#owners.get(role)!.host;
    this.#owners.set(role, { host: to, epoch });
    return from;
  }

  tell(...hosts: readonly RoleHost[]): void {
    for (const host of hosts.length === 0 ? this.hosts : hosts)
      host
        .assign(
          new Map(
            [...this.#owners]
              .filter(([, owner]) => owner.host === host)
              .map(([role, { epoch }]) => [role, epoch]),
          ),
        )
        .catch(() => undefined);
  }
}

async function finish(acknowledged: readonly string[]): Promise<string[]> {
  for (let i = 0; i < 6; i++) {
    await world.pass(2_500, 12);
    await settle(1);
  }
  // Steps are not looked at: between processes a push may overtake the release that it rests on.
  return [...faultsOfEnds(world, acknowledged, true), ...faultsOfLeases(world, true)];
}

describe('a role that moves to another process', () => {
  it('goes on there with all that was decided, and its followers stay with it', async () => {
    const [a, b] = await two();
    const worker = world.worker();
    worker.join();
    const acknowledged = [...(await world.admit(0, [draft('before')])).ids];
    const all = rolesOf(a);
    const assigner = new Assigner([a, b], all);
    for (const role of ['resources/main', 'queue/main', 'submitter/0', 'batcher/main', 'cluster', 'ids']) {
      assigner.move(role, b);
      assigner.tell(a);
      await settle(1);
      expect(rolesOf(a)).not.toContain(role);
      assigner.tell(b);
      await settle(2);
      expect(rolesOf(b)).toContain(role);
      worker.join(world.bus);
      await world.quiet();
      const { ids } = await world.admit(0, [draft(`after ${role}`), draft('child', { parents: [0] })], {
        workflow: { name: 'w', labels: null },
      });
      acknowledged.push(...ids);
    }
    expect(await finish(acknowledged)).toEqual([]);
    expect(world.said.filter((said) => said.startsWith('failed'))).toEqual([]);
  });

  it('leaves with what it decided while its turn was due and nothing was on its way to disk', async () => {
    const [a, b] = await two();
    const assigner = new Assigner([a, b], rolesOf(a));
    const admitted = [world.admit(0, [draft('on its way')])];
    // Every moment between the first proposal and its answer.
    for (let i = 0; i < 40; i++) {
      await Promise.resolve();
      admitted.push(world.admit(0, [draft(`pending ${String(i)}`)]));
    }
    assigner.move('submitter/0', b);
    assigner.tell(a);
    await settle(2);
    assigner.tell(b);
    await settle(2);
    const acknowledged = (await Promise.all(admitted)).flatMap(({ ids }) => ids);
    const worker = world.worker();
    worker.join();
    await world.quiet();
    expect(await finish(acknowledged)).toEqual([]);
  });

  it('that was taken from a process which was not told fences that process at its first commit; it keeps the rest', async () => {
    const [a, b] = await two();
    const worker = world.worker();
    worker.join();
    const acknowledged = [...(await world.admit(0, [draft('before')])).ids];
    const all = rolesOf(a);
    const assigner = new Assigner([a, b], all);
    assigner.tell();
    await settle(2);
    assigner.move('queue/main', b);
    assigner.tell(b);
    await settle(2);
    expect([rolesOf(a), rolesOf(b)]).toEqual([all, ['queue/main']]);
    // What it decides of the queue is refused, and nothing that rests on it is ever said: the client may repeat.
    expect(await world.submit(0, [draft('meanwhile')])).toMatchObject({
      ok: false,
      rejection: { code: 'outcome-unknown' },
    });
    await world.pass(10_000);
    await settle(8);
    expect(world.said.some((said) => said.startsWith('failed queue-main: someone else writes it'))).toBe(
      true,
    );
    expect(rolesOf(a)).toEqual(all.filter((role) => role !== 'queue/main'));
    expect(rolesOf(b)).toEqual(['queue/main']);
    expect(a.outranked()).toEqual({ 'queue/main': 101 });
    expect(world.disk('queue-main').filter(({ events }) => events[0]?.type === 'OwnerTookOver')).toHaveLength(
      2,
    );
    worker.join(world.bus);
    acknowledged.push(...(await world.admit(0, [draft('last')])).ids);
    expect(await finish(acknowledged)).toEqual([]);
  });

  it('takes no lease back where another has its place: what that one released, it does not know', async () => {
    world = new World({ partitions: 1, isShared: true, apart: true });
    await world.start();
    const worker = world.worker();
    worker.join();
    const now = world.clock.now();
    const { ids } = await world.admit(0, [draft('deferred', { dueAt: now + 60_000 })]);
    // Its clock is ahead: it releases the task, and the owner before has no reason to find out yet.
    const ahead = world.spawn(new LocalBus(), new TestClock(now + 600_000));
    await ahead.start(new Map([['submitter/0', 50]]));
    for (let i = 0; i < 4; i++) await world.pass(100);
    const granted = world
      .disk('leases-main')
      .flatMap(({ events }) => events)
      .filter((event) => event.type === 'LeaseGranted' && event.task === ids[0]);
    expect(granted).toHaveLength(1);
    expect(world.said.some((said) => said.startsWith('failed tasks-0: someone else writes it'))).toBe(true);
  });

  it('is not answered for by an owner whose last commit is old: it asks the log first', async () => {
    const [a] = await two();
    const elsewhere = new LocalBus();
    const other = world.spawn(elsewhere);
    const ask = (): Promise<Reply<readonly QueueView[]>> =>
      world.bus.request(commands.queue(), { op: 'list' } satisfies { op: 'list' });
    await other.start(new Map([['queue/main', 50]]));
    expect((await ask()).ok).toBe(true);
    world.clock.advance(4_500);
    // Its clock stood still, or it did: it has to commit before it answers, and that is refused.
    expect(await ask()).toMatchObject({ ok: false, rejection: { code: 'outcome-unknown' } });
    expect(rolesOf(a)).toEqual([]);
    const workers: LeaseCommand = { op: 'workers' };
    expect(await elsewhere.request(commands.leases(), workers)).toMatchObject({ ok: false });
    expect((await elsewhere.request(commands.queue(), { op: 'list' })).ok).toBe(true);
  });

  it('proves itself when it is idle and still the owner, and answers', async () => {
    await two();
    const before = world.disk('queue-main').length;
    world.clock.advance(4_500);
    expect((await world.bus.request(commands.queue(), { op: 'list' })).ok).toBe(true);
    expect((await world.bus.request(commands.queue(), { op: 'list' })).ok).toBe(true);
    expect(world.disk('queue-main').slice(before)).toMatchObject([{ events: [] }]);
  });
});

describe('whatever moves where, in order or by force', () => {
  const step = fc.record({
    role: fc.constantFrom('resources/main', 'queue/main', 'submitter/0', 'batcher/main', 'ids'),
    to: fc.nat(2),
    /** The old owner hears of it before the new one has it, after, or much later. */
    order: fc.constantFrom('release-first', 'take-first', 'old-hears-late'),
    admit: fc.boolean(),
  });

  it('every task that was acknowledged ends once, and no attempt runs beside another', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        world = new World({ partitions: 1, isShared: true });
        await world.start();
        const hosts = [world.hosts()[0]!, world.spawn(), world.spawn()];
        const assigner = new Assigner(hosts, rolesOf(hosts[0]!));
        assigner.tell();
        const worker = world.worker();
        worker.join();
        await world.quiet();
        const acknowledged: string[] = [];
        for (const { role, to, order, admit } of steps) {
          const next = hosts[to]!;
          const old = assigner.move(role, next);
          if (order === 'release-first') {
            assigner.tell(old);
            await settle(1);
          }
          assigner.tell(next);
          await settle(2);
          if (order === 'take-first') {
            assigner.tell(old);
            await settle(1);
          }
          worker.join(world.bus);
          await world.quiet();
          if (!admit) continue;
          const reply = await Promise.race([
            world.submit(0, [draft('t'), draft('u', { parents: [0] })], {
              workflow: { name: 'w', labels: null },
            }),
            world.quiet(60).then(() => null),
          ]);
          if (reply?.ok === true) acknowledged.push(...reply.value.ids);
        }
        assigner.tell();
        await settle(6);
        worker.join(world.bus);
        await world.quiet();
        const faults = await finish(acknowledged);
        world.stop();
        expect(faults).toEqual([]);
      }),
      { numRuns: 25, seed: 20_261_124, endOnFailure: true },
    );
  }, 120_000);
});
