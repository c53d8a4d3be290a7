import { commands, type Envelope, type TokenGrant } from '@yardmaster/contracts';
import type { DomainEvent } from '@yardmaster/domain';
import type { TaskId } from '@yardmaster/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { draft, handlerSpec, World } from '../sim/world.js';
import { faultsOf, faultsOfLeases, faultsOfRetries, type Journal, type LogRecord } from './index.js';

/** A real history, small, in which nothing went wrong; each test spoils one thing and wants to hear of it. */
const world = new World({ partitions: 1 });
const outside = { submissions: [], cancels: [], runs: [], reports: [] };

beforeAll(async () => {
  await world.start();
  const worker = world.worker('w1', { capacity: { slots: 3 } });
  const retry = { maxAttempts: 2, lostBudget: 5, initialBackoffMs: 1_000, maxBackoffMs: 1_000, on: null };
  worker.outcome = ([, attempt, , { name }]) =>
    name === 'c' ? null : name === 'b' && attempt === 1 ? 'app' : 'ok';
  worker.join();
  await world.quiet();
  const limits = { name: 'tiny', tasksPerHour: 5, burstPerSecond: null, maxWaiting: null, weight: 1 };
  await world.bus.request(commands.limits, { op: 'put-subscription', subscription: limits });
  await world.bus.request(commands.limits, {
    op: 'put-tenant',
    tenantName: 'small',
    subscription: 'tiny',
    trusted: false,
  });
  await world.bus.request<TokenGrant>(commands.limits, { op: 'grant', tenant: 2, need: 5, gateway: 'gw' });
  await world.admit(0, [draft('a'), draft('b', { parents: [0] }), draft('d', { parents: [1] })], {
    specs: [handlerSpec({ retry })],
    workflow: { name: 'w', labels: null },
    claim: { key: 'k', body: 'b' },
  });
  const { ids } = await world.admit(0, [draft('c')]);
  await world.cancel(0, ids[0] ?? '');
  for (let i = 0; i < 5; i++) await world.pass(1_500);
});
afterAll(() => {
  world.stop();
});

/** The same log with one stream's envelopes told otherwise. */
function but(stream: string, change: (envelopes: Envelope[]) => Envelope[]): LogRecord {
  return {
    streams: world.streams,
    disk: (name) => (name === stream ? change([...world.disk(name)]) : world.disk(name)),
  };
}

function withEvents(stream: string, change: (event: DomainEvent) => DomainEvent[]): LogRecord {
  return but(stream, (envelopes) => envelopes.map((e) => ({ ...e, events: e.events.flatMap(change) })));
}

const check = (log: LogRecord, journal: Partial<Journal> = {}): string[] => [
  ...new Set(
    faultsOf(log, {
      isDrained: true,
      journal: { ...outside, ...journal },
      bounds: { frameMs: 2_000, killMs: 30_000 },
    }).map((fault) => fault.split(' ')[0] ?? ''),
  ),
];
const find = <T extends DomainEvent['type']>(type: T): Extract<DomainEvent, { type: T }>[] =>
  world.events(type).map(({ event }) => event as Extract<DomainEvent, { type: T }>);
const run = { worker: 'w1', task: 't', attempt: 1, fence: 1, from: 0, until: 10 };

describe('the checkers', () => {
  it('find nothing in a history in which nothing went wrong', () => {
    expect(faultsOf(world, { isDrained: true })).toEqual([]);
    expect(find('TaskSucceeded')).toHaveLength(3);
    expect(find('TaskBackedOff')).toHaveLength(1);
    expect(find('TaskCancelled')).toHaveLength(1);
  });

  it('find a lost end, a second end and a submission that is not there (I1)', () => {
    expect(check(withEvents('tasks-0', (e) => (e.type === 'TaskCancelled' ? [] : [e])))).toContain('I1');
    expect(check(withEvents('tasks-0', (e) => (e.type === 'TaskCancelled' ? [e, e] : [e])))).toContain('I1');
    const gone = { tenant: 1, key: null, body: '', outcome: 'ok' as const, code: null, ids: ['nowhere'] };
    expect(check(world, { submissions: [gone] })).toContain('I1');
  });

  it('find two live leases of a task, and a fence that goes back (I2)', () => {
    expect(
      check(withEvents('leases-main', (e) => (e.type === 'LeaseEnded' && e.attempt === 1 ? [] : [e]))),
    ).toContain('I2');
    expect(
      check(
        withEvents('leases-main', (e) =>
          e.type === 'LeaseGranted' && e.attempt === 2 ? [{ ...e, fence: 1 }] : [e],
        ),
      ),
    ).toContain('I2');
  });

  it('find an attempt that ran while another did, and one after its cancel (I2, I15)', () => {
    expect(check(world, { runs: [run, { ...run, worker: 'w2', from: 5, until: 20 }] })).toContain('I2');
    expect(check(world, { runs: [run, { ...run, worker: 'w2', from: 10, until: 20 }] })).not.toContain('I2');
    const [cancelled] = find('TaskCancelled');
    const late = { ...run, task: cancelled?.id ?? '', from: 5_000, until: 5_001 };
    expect(check(world, { runs: [late], cancels: [{ id: late.task, at: 0 }] })).toContain('I15');
  });

  it("find a report that was accepted and is not in the log, or is another worker's (I3)", () => {
    const [end] = find('LeaseEnded').filter(({ outcome }) => outcome === 'ok');
    const report = {
      worker: 'w1',
      task: end?.task ?? '',
      attempt: 1,
      fence: end?.fence ?? 0,
      outcome: 'ok' as const,
      answer: 'ok' as const,
    };
    expect(check(world, { reports: [report] })).toEqual([]);
    expect(check(world, { reports: [{ ...report, fence: 1 }] })).toContain('I3');
    expect(check(world, { reports: [{ ...report, worker: 'w2' }] })).toContain('I3');
    expect(check(world, { reports: [{ ...report, outcome: 'app' }] })).toContain('I3');
  });

  it('find a worker that holds more than it has (I5)', () => {
    expect(
      check(withEvents('leases-main', (e) => (e.type === 'WorkerJoined' ? [{ ...e, capacity: {} }] : [e]))),
    ).toContain('I5');
  });

  it('leave out of it what was never handed out: the number of a lost class may be another one by now (I5)', () => {
    const [first] = find('LeaseGranted');
    const [end] = find('LeaseEnded');
    if (first === undefined || end === undefined) throw new Error('nothing was leased');
    const crowded = (outcome: 'void' | 'lost'): string[] => {
      const lost = [1, 2, 3, 4].map((n) => ({
        task: `lost-${String(n)}` as TaskId,
        fence: first.fence - 10 + n,
      }));
      const before = [
        ...lost.map((of) => ({ ...first, ...of })),
        ...lost.map((of) => ({ ...end, ...of, worker: first.worker, outcome })),
      ];
      return faultsOfLeases(withEvents('leases-main', (e) => (e === first ? [...before, e] : [e])));
    };
    expect(crowded('void')).toEqual([]);
    expect(crowded('lost').join()).toContain('I5');
  });

  it('find more tokens in an hour than the subscription allows (I7)', () => {
    expect(
      check(withEvents('accounts', (e) => (e.type === 'TokensGranted' ? [{ ...e, count: 6 }] : [e]))),
    ).toEqual(['I7']);
  });

  it('find one key that stands for two submissions (I8)', () => {
    const note = {
      tenant: 1,
      key: 'k',
      body: 'b',
      outcome: 'ok' as const,
      code: null,
      ids: find('TaskSubmitted')
        .slice(0, 1)
        .map(({ id }) => id),
    };
    const other = {
      ...note,
      ids: find('TaskSubmitted')
        .slice(1, 2)
        .map(({ id }) => id),
    };
    expect(check(world, { submissions: [note, note] })).toEqual([]);
    expect(check(world, { submissions: [note, other] })).toEqual(['I8']);
  });

  it('find a child that was leased before its parent succeeded (I9)', () => {
    const [parent] = find('TaskSucceeded');
    const log = but('tasks-0', (envelopes) => {
      const without = envelopes.map((e) => ({ ...e, events: e.events.filter((one) => one !== parent) }));
      const last = without.at(-1);
      return last === undefined || parent === undefined
        ? without
        : [...without.slice(0, -1), { ...last, events: [...last.events, parent] }];
    });
    expect(check(log)).toContain('I9');
  });

  it('find a gap, a changed envelope and an owner without a takeover (I13)', () => {
    expect(check(but('queue-main', (all) => all.filter((_, i) => i !== 2)))).toContain('I13');
    expect(
      check(but('queue-main', (all) => all.map((e, i) => (i === 2 ? { ...e, hash: 'f'.repeat(64) } : e)))),
    ).toContain('I13');
    expect(check(but('queue-main', (all) => all.map((e, i) => (i > 2 ? { ...e, epoch: 9 } : e))))).toContain(
      'I13',
    );
  });

  it('find a success after a cancel was written (I15)', () => {
    const [done] = find('TaskSucceeded');
    const id = done?.id;
    if (id === undefined) throw new Error('nothing succeeded');
    const log = withEvents('tasks-0', (e) =>
      e === done ? [{ type: 'CancelRequested', id, user: 1 }, e] : [e],
    );
    expect(check(log)).toContain('I15');
  });

  it('do not take for an attempt what was taken back unrun (I16)', () => {
    const second = find('LeaseGranted').find(({ attempt }) => attempt === 2);
    const spent = (outcome: 'ok' | 'withdrawn'): LogRecord =>
      withEvents('leases-main', (e) => {
        if (e.type !== 'LeaseEnded' || e.task !== second?.task) return [e];
        return e.attempt === 1 ? [e, e] : [{ ...e, outcome }];
      });
    expect(faultsOfRetries(spent('ok')).join()).toContain('I16');
    expect(faultsOfRetries(spent('withdrawn'))).toEqual([]);
  });

  it('find an attempt too many, and one that comes back before its time (I16)', () => {
    expect(
      check(
        withEvents('leases-main', (e) => (e.type === 'LeaseEnded' && e.outcome === 'app' ? [e, e] : [e])),
      ),
    ).toContain('I16');
    expect(
      check(
        withEvents('queue-main', (e) =>
          e.type === 'TaskBackedOff' ? [{ ...e, until: e.until + 60_000 }] : [e],
        ),
      ),
    ).toContain('I16');
  });

  it('find a step that the table does not have (I17)', () => {
    expect(check(withEvents('queue-main', (e) => (e.type === 'TaskBackedOff' ? [] : [e])))).toContain('I17');
  });

  it('find what ran on the word of a submission that is not there (I21)', () => {
    expect(check(withEvents('tasks-0', (e) => (e.type === 'TaskSubmitted' ? [] : [e])))).toContain('I21');
    expect(check(withEvents('queue-main', (e) => (e.type === 'BatchQueued' ? [] : [e])))).toContain('I21');
  });
});
