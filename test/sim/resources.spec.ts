import {
  commands,
  HEARTBEAT_MS,
  LEASE_TTL_MS,
  pack,
  type RelayUp,
  type WorkerView,
} from '@yardmaster/contracts';
import { ResourcesRole } from '@yardmaster/resource-manager';
import { afterEach, describe, expect, it } from 'vitest';
import type { FakeWorker } from './fake-worker.js';
import { draft, handlerSpec, World } from './world.js';

let world: World;
afterEach(() => {
  world.stop();
});

const retry = { maxAttempts: 3, lostBudget: 5, initialBackoffMs: 1, maxBackoffMs: 1, on: null };
const begin = async (): Promise<FakeWorker> => {
  world = new World({ partitions: 1 });
  await world.start();
  const worker = world.worker();
  worker.join();
  await world.quiet();
  return worker;
};
const submit = async (name = 'a'): Promise<string> =>
  (await world.admit(0, [draft(name)], { specs: [handlerSpec({ retry })] })).ids[0] ?? '';
const leases = (): unknown[] => [...world.role(ResourcesRole).state.leases.values()];
const endsOf = (task: string): unknown[] =>
  world
    .events('LeaseEnded')
    .flatMap(({ event }) => (event.type === 'LeaseEnded' && event.task === task ? [event.outcome] : []));
/** Time in steps, with heartbeats of those who are there. */
const pass = async (ms: number, ...workers: readonly FakeWorker[]): Promise<void> => {
  for (let left = ms; left > 0; left -= HEARTBEAT_MS) {
    for (const worker of workers) worker.heartbeat();
    await world.pass(Math.min(left, HEARTBEAT_MS));
  }
};

describe('a worker whose connection is gone', () => {
  it('is given nothing until it is heard again, and keeps what it runs', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    await submit('before');
    const says = (gateway: string): void => {
      world.bus.publish(commands.leaseFrames(), [
        [gateway, worker.id, 1, pack([['away']])] satisfies RelayUp,
      ]);
    };
    // Of a gateway that it left for another, it means nothing.
    says('gw-of-old');
    await world.quiet();
    await submit('between');
    expect(leases()).toHaveLength(2);
    says(`gw-${worker.id}`);
    await world.quiet();
    await submit('after');
    await world.pass(1_000);
    expect([leases().length, worker.running.size]).toEqual([2, 2]);
    worker.join();
    await world.quiet();
    expect([leases().length, worker.running.size]).toEqual([3, 3]);
  });
});

describe('a report', () => {
  it('for a lease that is not live any more is answered gone, and counted (I3)', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    const [, attempt, fence] = worker.ran[0] ?? ['', 0, 0];
    worker.send([
      'rep',
      [
        [task, attempt, fence + 1, 'ok', 0, null, 'zombie', null],
        [task, attempt + 1, fence, 'ok', 0, null, 'zombie', null],
        ['404', 1, fence, 'ok', 0, null, null, null],
      ],
    ]);
    await world.quiet();
    expect(worker.gone).toEqual([task, task, '404']);
    expect(world.counted.staleReports).toBe(3);
    expect(leases()).toHaveLength(1);
    worker.finish('ok');
    await world.quiet();
    worker.send(['rep', [[task, attempt, fence, 'app', 1, null, null, 'twice']]]);
    await world.quiet();
    expect(world.counted.staleReports).toBe(4);
    expect(await world.task(0, task)).toMatchObject({ state: 'succeeded', result: { from: task } });
  });

  it('by another worker than the one that holds the lease is gone', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    const other = world.worker('w2');
    other.join();
    const [, attempt, fence] = worker.ran[0] ?? ['', 0, 0];
    other.send(['rep', [[task, attempt, fence, 'ok', 0, null, null, null]]]);
    await world.quiet();
    expect(other.gone).toEqual([task]);
    expect(leases()).toHaveLength(1);
  });

  it('of an end that only the yard may tell, or that nobody asked for, counts as a failure of the worker', async () => {
    const worker = await begin();
    for (const outcome of ['cancelled', 'withdrawn', 'superseded'] as const) {
      worker.outcome = ([, n]) => (n === 1 ? outcome : 'ok');
      const task = await submit();
      await pass(10_000, worker);
      expect(endsOf(task)).toEqual(['infra', 'ok']);
      expect((await world.task(0, task))?.state).toBe('succeeded');
    }
  });

  it('that comes when its lease has run out is adopted while nobody else has the task, which does not run again', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    const [, attempt, fence] = worker.ran[0] ?? ['', 0, 0];
    worker.isSilent = true;
    worker.finish('ok');
    await pass(LEASE_TTL_MS + 5_000);
    await pass(10_000);
    expect(endsOf(task)).toEqual(['lost']);
    worker.isSilent = false;
    worker.join();
    await world.quiet();
    expect(endsOf(task)).toEqual(['lost', 'ok']);
    expect([worker.journal.size, world.counted.adoptedReports]).toEqual([0, 1]);
    expect(await world.task(0, task)).toMatchObject({ state: 'succeeded', result: { from: task } });
    // Said once more, as its answer may have been lost: it is settled, and nothing runs again.
    worker.send(['rep', [[task, attempt, fence, 'ok', 0, null, null, null]]]);
    await pass(60_000, worker);
    expect(worker.ran).toHaveLength(1);
    expect(endsOf(task)).toEqual(['lost', 'ok']);
  });

  it('of a lost attempt is held while its task backs off, and adopted before another worker gets that', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    const other = world.worker('w2');
    worker.isSilent = true;
    worker.finish('ok');
    for (let k = 0; k < 200 && endsOf(task).length === 0; k++) await world.pass(500);
    expect((await world.task(0, task))?.state).toBe('backing_off');
    other.join();
    worker.isSilent = false;
    worker.join();
    await world.quiet();
    expect(worker.journal.size).toBe(1);
    await pass(10_000, other, worker);
    expect([endsOf(task), other.ran.length, worker.journal.size]).toEqual([['lost', 'ok'], 0, 0]);
    expect(world.counted.adoptedReports).toBe(1);
  });

  it('of a lost attempt is refused once another worker has the task', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    const other = world.worker('w2');
    other.outcome = () => null;
    other.join();
    worker.isSilent = true;
    worker.finish('ok');
    await pass(LEASE_TTL_MS + 10_000, other);
    expect(other.ran).toHaveLength(1);
    worker.isSilent = false;
    worker.join();
    await world.quiet();
    expect([new Set(worker.gone), world.counted.adoptedReports]).toEqual([new Set([task]), 0]);
    expect(world.counted.staleReports).toBeGreaterThan(0);
    other.finish('ok');
    await world.quiet();
    expect(endsOf(task)).toEqual(['lost', 'ok']);
  });

  it('survives a resource manager that did not answer it, and is then answered', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    world.log.hold();
    worker.finish('ok');
    await world.quiet();
    expect(worker.journal.size).toBe(1);
    await world.crash(() => false);
    worker.join(world.bus);
    await world.quiet();
    expect([worker.journal.size, endsOf(task)]).toEqual([0, ['ok']]);
    expect(worker.ran).toHaveLength(1);
  });
});

describe('what a running attempt notes', () => {
  const note = (worker: FakeWorker, progress: number | null, checkpoint: unknown): void => {
    const [task, attempt, fence] = worker.ran.at(-1) ?? ['', 0, 0];
    worker.send(['note', [[task, attempt, fence, progress, checkpoint]]]);
  };

  it('is shown with it while it runs', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    note(worker, 0.4, undefined);
    await world.quiet();
    expect((await world.task(0, task))?.attempts).toMatchObject([{ progress: 0.4 }]);
    worker.finish('ok');
    await world.quiet();
    expect((await world.task(0, task))?.attempts).toMatchObject([{ progress: null }]);
  });

  it('reaches the next attempt when its worker is lost, also one that follows a restart of the yard', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    await submit();
    note(worker, null, { page: 1 });
    note(worker, null, { page: 2 });
    await world.quiet();
    worker.isSilent = true;
    await world.pass(LEASE_TTL_MS + 5_000);
    await world.pass(10_000);
    await world.crash(() => true);
    const next = world.worker('w2');
    next.outcome = () => null;
    next.join(world.bus);
    await world.quiet();
    expect(next.ran.map(([, attempt, , work]) => [attempt, work.checkpoint])).toEqual([[2, { page: 2 }]]);
  });

  it('counts for nothing by another worker, or for another fence', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    const [, attempt, fence] = worker.ran[0] ?? ['', 0, 0];
    const other = world.worker('w2');
    other.join();
    other.send(['note', [[task, attempt, fence, 0.9]]]);
    worker.send(['note', [[task, attempt, fence + 1, 0.9]]]);
    worker.sendBytes(pack([['note', [[task], 5, [task, attempt, fence, 'half', 'x'.repeat(9_000)]]]]));
    await world.quiet();
    expect((await world.task(0, task))?.attempts).toMatchObject([{ progress: null }]);
    expect(world.counted.badFrames).toBe(3);
  });
});

describe('an attempt that asks for a later try', () => {
  it('is followed by the next one then, not sooner; a snoozed one uses up nothing', async () => {
    const worker = await begin();
    worker.outcome = ([, n]) => (n === 1 ? null : 'ok');
    const task = await submit();
    const [, attempt, fence] = worker.ran[0] ?? ['', 0, 0];
    worker.send([
      'rep',
      [[task, attempt, fence, 'snoozed', null, null, null, 'later', { retryAfterMs: 60_000 }]],
    ]);
    await world.quiet();
    expect((await world.task(0, task))?.state).toBe('backing_off');
    await pass(55_000, worker);
    expect(worker.ran).toHaveLength(1);
    await pass(10_000, worker);
    expect(worker.ran).toHaveLength(2);
    expect((await world.task(0, task))?.state).toBe('succeeded');
  });
});

describe('an attempt', () => {
  it('handed out twice is run once', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    await submit();
    await world.crash(() => true);
    worker.running.clear();
    worker.join(world.bus);
    await world.quiet();
    expect(worker.heard.filter(([name]) => name === 'run').length).toBeGreaterThan(1);
    expect(worker.ran).toHaveLength(1);
  });

  it('that was granted and never reached its worker is handed out when the worker comes back, at no cost', async () => {
    const worker = await begin();
    worker.isSilent = true;
    const task = await submit();
    expect(worker.ran).toHaveLength(0);
    worker.isSilent = false;
    worker.join();
    await world.quiet();
    expect(endsOf(task)).toEqual(['ok']);
  });

  it('that was on its way to a process while another took its place is not run by that one', async () => {
    const worker = await begin();
    const { bus } = world;
    const publish = bus.publishBytes.bind(bus);
    const late: (() => void)[] = [];
    bus.publishBytes = (subject, bytes) => {
      if (subject !== commands.worker('gw-w1')) publish(subject, bytes);
      else
        late.push(() => {
          publish(subject, bytes);
        });
    };
    const task = await submit();
    bus.publishBytes = publish;
    worker.isSilent = true;
    const again = world.worker('w1', {}, 1, 'two');
    again.join();
    await world.quiet();
    for (const arrive of late) arrive();
    await world.quiet();
    expect(late).toHaveLength(1);
    expect(again.ran).toHaveLength(0);
    await pass(10_000, again);
    expect(endsOf(task)).toEqual(['lost', 'ok']);
  });

  it('that its worker never names in its heartbeats is lost, and runs again', async () => {
    const worker = await begin();
    worker.isSilent = true;
    const task = await submit();
    worker.isSilent = false;
    await pass(25_000, worker);
    expect(endsOf(task)).toEqual(['lost', 'ok']);
    // Should it arrive after all, it is not run on.
    expect(worker.kills).toMatchObject([[task, 1, expect.any(Number), 'lost']]);
    expect(worker.ran.map(([, attempt]) => attempt)).toEqual([2]);
  });

  it('that the worker holds without a lease is to be killed', async () => {
    const worker = await begin();
    worker.running.set('x', ['404', 1, 7]);
    worker.heartbeat();
    await world.quiet();
    expect(worker.kills).toEqual([['404', 1, 7, 'lost']]);
  });

  it('over its cap ends although the worker says nothing, and is killed', async () => {
    const worker = await begin();
    worker.outcome = ([, attempt]) => (attempt === 1 ? null : 'ok');
    const {
      ids: [task = ''],
    } = await world.admit(0, [draft('a')], { specs: [handlerSpec({ retry, capMs: 20_000 })] });
    await pass(34_000, worker);
    expect(endsOf(task)).toEqual([]);
    await pass(10_000, worker);
    expect(endsOf(task)).toEqual(['over-cap', 'ok']);
    expect(worker.kills[0]).toMatchObject([task, 1, expect.anything(), 'over-cap']);
  });

  it('that is cancelled is killed; a worker that does not say so is not waited for long', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const [deaf, hearing] = [await submit('deaf'), await submit('hearing')];
    await world.cancel(0, hearing);
    await world.quiet();
    expect((await world.task(0, hearing))?.state).toBe('cancelled');
    worker.isSilent = true;
    await world.cancel(0, deaf);
    await world.quiet();
    expect((await world.task(0, deaf))?.state).toBe('cancelling');
    await world.pass(4_000);
    await world.pass(4_000);
    await world.pass(4_000);
    expect([(await world.task(0, deaf))?.state, endsOf(deaf)]).toEqual(['cancelled', ['cancelled']]);
  });
});

describe('a worker that is drained', () => {
  const drain = (onDeadline: 'kill' | 'checkpoint' | 'wait'): Promise<unknown> =>
    world.bus.request(commands.leases(), { op: 'drain', worker: 'w1', forMs: 60_000, onDeadline });

  it('gets nothing new, and after its deadline ends what it runs, which goes on elsewhere at no cost', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    expect(await drain('kill')).toMatchObject({ ok: true, value: { state: 'cordoned', leases: 1 } });
    const other = world.worker('w2');
    other.join();
    const next = await submit('next');
    await pass(55_000, worker, other);
    expect([endsOf(task), other.ran.map(([id]) => id), worker.kills]).toEqual([[], [next], []]);
    await pass(15_000, worker, other);
    expect(worker.kills).toEqual([[task, 1, expect.any(Number), 'drained']]);
    expect(endsOf(task)).toEqual(['drained', 'ok']);
    expect((await world.task(0, task))?.state).toBe('succeeded');
  });

  it('is told again when it does not listen, and keeps its lease until it says that it ended it', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    await drain('kill');
    worker.running.clear();
    const held = worker.held.bind(worker);
    const [, attempt, fence] = worker.ran[0] ?? ['', 0, 0];
    worker.held = () => [...held(), [task, attempt, fence]];
    await pass(80_000, worker);
    expect(worker.kills.length).toBeGreaterThan(1);
    expect([leases().length, endsOf(task)]).toEqual([1, []]);
  });

  it('may be waited for, and works again when it is uncordoned', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    await drain('wait');
    await pass(120_000, worker);
    expect([worker.kills, endsOf(task)]).toEqual([[], []]);
    await world.bus.request(commands.leases(), { op: 'cordon', worker: 'w1', cordoned: false });
    const next = await submit('next');
    await pass(5_000, worker);
    expect(worker.ran.map(([id]) => id)).toEqual([task, next]);
  });

  it('may have each attempt ended once it has left a checkpoint, with which it goes on elsewhere', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const [keeps, keepsLate] = [await submit(), await submit('late')];
    const note = (n: number, checkpoint: unknown): void => {
      const [id, attempt, fence] = worker.ran[n] ?? ['', 0, 0];
      worker.send(['note', [[id, attempt, fence, null, checkpoint]]]);
    };
    note(0, { page: 7 });
    await drain('checkpoint');
    const other = world.worker('w2');
    other.join();
    await pass(55_000, worker, other);
    expect(worker.kills).toEqual([]);
    await pass(30_000, worker, other);
    expect([endsOf(keeps), endsOf(keepsLate)]).toEqual([['drained', 'ok'], []]);
    expect(other.ran[0]?.[3].checkpoint).toEqual({ page: 7 });
    note(1, { page: 9 });
    await pass(20_000, worker, other);
    expect([endsOf(keepsLate), other.ran[1]?.[3].checkpoint]).toEqual([['drained', 'ok'], { page: 9 }]);
  });

  it('has its whole deadline again under a new owner', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    await drain('kill');
    await pass(50_000, worker);
    await world.crash(() => true);
    worker.join(world.bus);
    await pass(55_000, worker);
    expect(endsOf(task)).toEqual([]);
    await pass(15_000, worker);
    expect(endsOf(task)).toEqual(['drained']);
  });
});

describe('a maintenance', () => {
  const begun = (forMs: number): Promise<unknown> =>
    world.bus.request(commands.leases(), { op: 'maintenance', forMs });

  it('lets no lease run out while it lasts, nor for the time of a lease after it', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    const other = world.worker('w2');
    other.join();
    expect(await begun(600_000)).toMatchObject({
      ok: true,
      value: { forMs: 600_000, workers: 2, leases: 1 },
    });
    worker.isSilent = true;
    await pass(600_000 + LEASE_TTL_MS - 5_000, other);
    expect(endsOf(task)).toEqual([]);
    await pass(15_000, other);
    expect(endsOf(task)).toEqual(['lost', 'ok']);
    expect(world.events('LeasesExtended').map(({ event }) => event)).toEqual([
      { type: 'LeasesExtended', forMs: 600_000 },
      { type: 'LeasesExtended', forMs: 0 },
    ]);
  });

  it('is told to workers with what is left of it, once it is on disk', async () => {
    const worker = await begin();
    const told = (): unknown =>
      worker.heard.flatMap((message) => (message[0] === 'hb-ok' ? [message[1].extendMs] : [])).at(-1);
    worker.heartbeat();
    await world.quiet();
    expect(told()).toBeUndefined();
    world.log.hold();
    const heard = worker.heard.length;
    void begun(60_000);
    worker.heartbeat();
    await world.quiet();
    expect(worker.heard).toHaveLength(heard);
    world.log.release();
    await world.quiet();
    expect(told()).toBe(60_000);
    await pass(20_000, worker);
    worker.heartbeat();
    await world.quiet();
    expect(told()).toBe(40_000);
  });

  it('goes on in full under a new owner, which cannot know how much of it has passed', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    await begun(300_000);
    await pass(200_000, worker);
    worker.isSilent = true;
    await world.crash(() => true);
    await pass(300_000);
    expect(endsOf(task)).toEqual([]);
    worker.isSilent = false;
    worker.join(world.bus);
    worker.finish('ok');
    await world.quiet();
    expect(endsOf(task)).toEqual(['ok']);
  });

  it('is refused when it is longer than clocks can be trusted to agree', async () => {
    await begin();
    for (const forMs of [0, -1, 900_001])
      expect(await begun(forMs)).toMatchObject({ ok: false, rejection: { code: 'invalid-request' } });
  });
});

describe('a task that is forced to end', () => {
  it('fails at once with the reason; its attempt is fenced and killed, and the worker is free for others', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    const [, attempt, fence] = worker.ran[0] ?? ['', 0, 0];
    expect(await world.forceEnd(0, task, 'hangs since noon')).toMatchObject({
      ok: true,
      value: { state: 'failed' },
    });
    await world.quiet();
    expect(await world.task(0, task)).toMatchObject({
      state: 'failed',
      error: 'forced to end by user 1: hangs since noon',
    });
    expect(worker.kills).toEqual([[task, attempt, fence, 'withdrawn']]);
    expect([leases(), endsOf(task)]).toEqual([[], ['withdrawn']]);
    worker.send(['rep', [[task, attempt, fence, 'ok', 0, null, 'zombie', null]]]);
    await pass(30_000, worker);
    expect(worker.gone).toContain(task);
    expect((await world.task(0, task))?.state).toBe('failed');
    expect(worker.ran).toHaveLength(1);
    expect(await world.forceEnd(0, task, 'again')).toMatchObject({
      ok: false,
      rejection: { code: 'already-ended' },
    });
  });

  it('is withdrawn by the next owner when the one that ended it was killed before it could say so', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    world.log.hold();
    void world.forceEnd(0, task, 'hangs');
    await world.quiet();
    worker.isSilent = true;
    await world.crash(() => true);
    worker.isSilent = false;
    worker.join(world.bus);
    await pass(10_000, worker);
    expect([leases(), endsOf(task)]).toEqual([[], ['withdrawn']]);
    expect((await world.task(0, task))?.state).toBe('failed');
  });
});

describe('a worker', () => {
  it('that is silent for the time of its lease loses its attempts, which run elsewhere', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    const other = world.worker('w2');
    other.join();
    worker.isSilent = true;
    await pass(LEASE_TTL_MS - 1_000, other);
    expect(endsOf(task)).toEqual([]);
    await pass(15_000, other);
    expect(endsOf(task)).toEqual(['lost', 'ok']);
    expect(other.ran.map(([id]) => id)).toEqual([task]);
    expect(world.counted.leasesLost).toBe(1);
    expect(world.events('WorkerGone').map(({ event }) => event)).toEqual([
      expect.objectContaining({ worker: 'w1', why: 'lost' }),
    ]);
    // The zombie wakes: it is told to join again, and what it brings is refused.
    worker.isSilent = false;
    worker.heartbeat();
    worker.finish('ok');
    await world.quiet();
    expect(new Set(worker.gone)).toEqual(new Set([task]));
  });

  it('is not expired by a new resource manager before it had time to come back', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    await world.crash(() => true);
    await pass(LEASE_TTL_MS);
    expect(endsOf(task)).toEqual([]);
    await pass(10_000);
    expect(endsOf(task)).toEqual(['lost']);
  });

  it('is expired by a new resource manager after its full time, not with all others in one moment', async () => {
    const worker = await begin();
    const others = [1, 2, 3, 4].map((k) => world.worker(`v${String(k)}`));
    for (const each of [worker, ...others]) {
      each.outcome = () => null;
      each.join();
    }
    await world.quiet();
    await world.crash(() => true);
    const gone: number[] = [];
    for (let k = 0; k < 45; k++) {
      await world.pass(1_000);
      gone.push(world.events('WorkerGone').length);
    }
    expect(gone.slice(0, 34)).toEqual(Array<number>(34).fill(0));
    expect(gone.at(-1)).toBe(5);
    // One after the other, over five seconds.
    expect(gone.filter((n) => n > 0 && n < 5).length).toBeGreaterThanOrEqual(3);
  });

  it('that comes back as a new process loses what it does not name, keeps what it names', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const [a, b] = [await submit('a'), await submit('b')];
    const again = world.worker('w1', {}, 1, 'two');
    for (const [key, held] of worker.running) if (held[0] === b) again.running.set(key, held);
    worker.isSilent = true;
    again.outcome = () => null;
    again.join();
    await world.quiet();
    expect([endsOf(a), endsOf(b)]).toEqual([['lost'], []]);
  });

  it('that began anew and was not heard joins again when the process before it is greeted', async () => {
    world = new World({ partitions: 1, apart: true });
    await world.start();
    const worker = world.worker();
    worker.join();
    await world.quiet();
    worker.isSilent = true;
    const again = world.worker('w1', {}, 1, 'two');
    const { bus } = world;
    const publish = bus.publishBytes.bind(bus);
    bus.publishBytes = (subject, bytes) => {
      if (subject !== commands.leaseFrames()) publish(subject, bytes);
    };
    again.join();
    bus.publishBytes = publish;
    await world.crashOne(world.processes - 1, () => true);
    await submit();
    expect(again.ran).toHaveLength(1);
  });

  it('that says goodbye is gone at once, with its attempts', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    worker.leave();
    await world.quiet();
    expect(endsOf(task)).toEqual(['lost']);
    expect(world.role(ResourcesRole).state.workers.size).toBe(0);
  });

  it('takes nothing while it is cordoned, and keeps what it has', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    await submit('a');
    const cordon = async (cordoned: boolean): Promise<unknown> =>
      await world.bus.request(commands.leases(), { op: 'cordon', worker: 'w1', cordoned });
    expect(await cordon(true)).toMatchObject({ ok: true, value: { state: 'cordoned', leases: 1 } });
    await submit('b');
    expect(worker.ran).toHaveLength(1);
    await cordon(false);
    await world.quiet();
    expect(worker.ran).toHaveLength(2);
    expect(
      await world.bus.request(commands.leases(), { op: 'cordon', worker: 'nobody', cordoned: true }),
    ).toMatchObject({ ok: false, rejection: { code: 'not-found' } });
  });

  it("cannot use the id of someone else's, whatever it says", async () => {
    const worker = await begin();
    worker.outcome = () => null;
    const task = await submit();
    const thief = world.worker('w1', {}, 2, 'thief');
    const [, attempt, fence] = worker.ran[0] ?? ['', 0, 0];
    thief.join();
    thief.send(['rep', [[task, attempt, fence, 'ok', 0, null, 'stolen', null]]], ['bye']);
    await world.quiet();
    expect(
      thief.heard.every(([name, body]) => name === 'err' && (body as { code: string }).code === 'conflict'),
    ).toBe(true);
    expect(leases()).toHaveLength(1);
    expect((await world.task(0, task))?.state).toBe('running');
  });
});

describe('what is not a frame', () => {
  const garbage: [string, unknown][] = [
    ['no list', { a: 1 }],
    ['an unknown message', [['dance']]],
    ['a message without a name', [[]]],
    ['a message that is none', [7]],
    ['a join without anything', [['join', null]]],
    [
      'a join without capacity',
      [
        [
          'join',
          {
            incarnation: 'i',
            kind: 'sdk',
            name: 'n',
            capacity: null,
            handlers: ['noop'],
            labels: {},
            held: [],
          },
        ],
      ],
    ],
    [
      'capacity below nothing',
      [
        [
          'join',
          {
            incarnation: 'i',
            kind: 'sdk',
            name: 'n',
            capacity: { slots: -1 },
            handlers: ['noop'],
            labels: {},
            held: [],
          },
        ],
      ],
    ],
    [
      'capacity that is no number',
      [
        [
          'join',
          {
            incarnation: 'i',
            kind: 'sdk',
            name: 'n',
            capacity: { slots: 'many' },
            handlers: ['noop'],
            labels: {},
            held: [],
          },
        ],
      ],
    ],
    [
      'handlers that are no list',
      [
        [
          'join',
          {
            incarnation: 'i',
            kind: 'sdk',
            name: 'n',
            capacity: { slots: 1 },
            handlers: 5,
            labels: {},
            held: [],
          },
        ],
      ],
    ],
    [
      'held attempts that are none',
      [
        [
          'join',
          {
            incarnation: 'i',
            kind: 'sdk',
            name: 'n',
            capacity: { slots: 1 },
            handlers: [],
            labels: {},
            held: [3],
          },
        ],
      ],
    ],
    [
      'an unknown kind',
      [
        [
          'join',
          {
            incarnation: 'i',
            kind: 'robot',
            name: 'n',
            capacity: { slots: 1 },
            handlers: [],
            labels: {},
            held: [],
          },
        ],
      ],
    ],
    ['a heartbeat without its list', [['hb', { n: 1, load: 0 }]]],
    ['reports that are no list', [['rep', 'all fine']]],
    ['a report with an unknown end', [['rep', [['1', 1, 1, 'splendid', 0, null, null, null]]]]],
    ['a report that is none', [['rep', [null]]]],
  ];

  it.each(garbage)('%s is counted, and leaves nothing in the log', async (_, frame) => {
    const worker = await begin();
    const before = world.events().length;
    worker.sendBytes(pack(frame));
    await world.quiet();
    expect(world.counted.badFrames).toBe(1);
    expect(world.events()).toHaveLength(before);
    await submit();
    expect(worker.ran).toHaveLength(1);
  });

  it('bytes that are no msgpack are counted, and a good report beside a bad one is taken', async () => {
    const worker = await begin();
    worker.sendBytes(new Uint8Array([0xc1, 0xff, 0x00]));
    worker.outcome = () => null;
    const task = await submit();
    const [, attempt, fence] = worker.ran[0] ?? ['', 0, 0];
    worker.sendBytes(
      pack([
        [
          'rep',
          [
            ['1', 1, 1, 'splendid'],
            [task, attempt, fence, 'ok', 'zero', { wallMs: 'long' }, 5, 12],
          ],
        ],
      ]),
    );
    await world.quiet();
    expect(world.counted.badFrames).toBe(2);
    expect(await world.task(0, task)).toMatchObject({
      state: 'succeeded',
      result: 5,
      attempts: [{ exitCode: null, error: null }],
    });
  });

  it('a relay that is none does not stop the others', async () => {
    const worker = await begin();
    world.bus.publish(commands.leaseFrames(), [
      [5],
      null,
      ['gw-w1', 'w1', 1, pack([['hb', { n: 9, held: [], load: 0.5 }]])] satisfies RelayUp,
    ]);
    await world.quiet();
    expect(worker.heard.at(-1)).toMatchObject(['hb-ok', { n: 9 }]);
  });
});

describe('the list of workers', () => {
  it('tells health, use and load', async () => {
    const worker = await begin();
    worker.outcome = () => null;
    await submit();
    const list = async (): Promise<readonly WorkerView[]> => {
      const reply = await world.bus.request<WorkerView[]>(commands.leases(), { op: 'workers' });
      return reply.ok ? reply.value : [];
    };
    expect(await list()).toEqual([
      expect.objectContaining({
        id: 'w1',
        state: 'healthy',
        used: { slots: 1 },
        leases: 1,
        lastHeartbeatMsAgo: 0,
      }),
    ]);
    await world.pass(3 * HEARTBEAT_MS);
    expect(await list()).toEqual([expect.objectContaining({ state: 'unhealthy' })]);
  });
});
