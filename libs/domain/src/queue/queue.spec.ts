import { asTaskId, asWorkerId, type TaskId } from '@yardmaster/kernel';
import { rules, type Decided } from '@yardmaster/testkit';
import { describe, expect, it } from 'vitest';
import type { DomainEvent, Outcome, RetryPolicy, SchedulingSpec } from '../events/index.js';
import { specKey } from '../task/spec-key.js';
import { decideFailure, decidePush, decideVisible, nextVisible, type Push } from './queue.decide.js';
import { depthOf, endAudit, evolveQueue, QueueState } from './queue-state.js';

const retry: RetryPolicy = {
  maxAttempts: 3,
  lostBudget: 2,
  initialBackoffMs: 1_000,
  maxBackoffMs: 60_000,
  on: null,
};
const spec = (more: Partial<SchedulingSpec> = {}): SchedulingSpec => ({
  kind: 'handler',
  handler: 'h',
  resources: { slots: 1 },
  queue: 'default',
  classRank: 2,
  priority: 500,
  strategy: null,
  delayToleranceMs: null,
  capMs: 60_000,
  retry,
  idempotent: false,
  require: {},
  ...more,
});
const [a, b] = [asTaskId('1'), asTaskId('2')];
const push = (ids: readonly TaskId[], more: Partial<Push> = {}): Push => ({
  batcherEpoch: 1,
  specs: [spec()],
  tasks: ids.map((id) => ({ id, p: 0, tenant: 1, spec: 0, eligibleAt: 5 })),
  ...more,
});
const queued = (...ids: readonly TaskId[]): DomainEvent[] => [
  { type: 'ClassDefined', n: 0, spec: spec() },
  {
    type: 'BatchQueued',
    batch: 1,
    batcherEpoch: 1,
    tasks: ids.map((id) => ({ id, p: 0, tenant: 1, cls: 0, eligibleAt: 5 })),
  },
];
const granted = (id: TaskId, attempt: number): DomainEvent => ({
  type: 'LeaseGranted',
  task: id,
  p: 0,
  tenant: 1,
  cls: 0,
  attempt,
  fence: attempt,
  worker: asWorkerId('w'),
  capMs: 1,
});
const ended = (id: TaskId, attempt: number, outcome: Outcome, retryAfterMs?: number): DomainEvent => ({
  type: 'LeaseEnded',
  task: id,
  p: 0,
  tenant: 1,
  attempt,
  fence: attempt,
  worker: asWorkerId('w'),
  outcome,
  exitCode: null,
  usage: null,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  sealed: null,
});
const succeeded = (id: TaskId, released: readonly TaskId[] = []): DomainEvent => ({
  type: 'TaskSucceeded',
  id,
  tenant: 1,
  attempt: 1,
  released,
  sealed: null,
});
const cancelled = (id: TaskId): DomainEvent => ({ type: 'TaskCancelled', id, tenant: 1, upstreamFailed: [] });
const failed = (id: TaskId): DomainEvent => ({
  type: 'TaskFailed',
  id,
  tenant: 1,
  attempt: 1,
  category: 'app',
  upstreamFailed: [],
  sealed: null,
});
const submitted = (id: TaskId, open = 0): DomainEvent => ({
  type: 'TaskSubmitted',
  id,
  tenant: 1,
  user: 1,
  spec: 0,
  workflow: null,
  index: -1,
  rank: 0,
  parents: [],
  needs: [],
  open,
  dueAt: null,
  claim: null,
  sealed: {
    name: 't',
    key: null,
    labels: null,
    run: { script: null, scriptHash: null, command: null, args: null, env: null, input: null },
  },
});

type Command = { readonly push: Push } | { readonly decideAt: number } | { readonly visibleAt: number };
const given = rules<QueueState, Command, DomainEvent>({
  initial: () => new QueueState(),
  evolve: (state, event) => {
    evolveQueue(state, event, specKey, 0);
  },
  decide: (command, state): Decided<DomainEvent> => {
    const events: readonly DomainEvent[] =
      'push' in command
        ? decidePush(state, command.push, specKey)
        : 'visibleAt' in command
          ? decideVisible(state, command.visibleAt)
          : [...state.toDecide]
              .map((entry) => decideFailure(entry, command.decideAt, 0.5))
              .filter((event) => event !== null);
    return events.length === 0 ? { kind: 'ignored', reason: 'nothing to do' } : { kind: 'accepted', events };
  },
});

describe('a push', () => {
  it('queues its tasks as one batch and defines their class once', () => {
    const { state } = given()
      .when({ push: push([a, b]) })
      .then(...queued(a, b));
    expect(depthOf(state, 'default')).toEqual({ visible: 2, leased: 0, backingOff: 0 });
    given(...queued(a))
      .when({ push: push([b]) })
      .then({
        type: 'BatchQueued',
        batch: 2,
        batcherEpoch: 1,
        tasks: [{ id: b, p: 0, tenant: 1, cls: 0, eligibleAt: 5 }],
      });
  });

  it('of tasks that are held already adds nothing', () => {
    given(...queued(a))
      .when({ push: push([a]) })
      .ignored();
    expect(
      given(...queued(a))
        .when({ push: push([a, b]) })
        .events()[0],
    ).toMatchObject({ type: 'BatchQueued', tasks: [{ id: b }] });
  });

  it('by an older batcher is refused whole', () => {
    given(...queued(a))
      .when({ push: push([b], { batcherEpoch: 0 }) })
      .ignored();
    given(...queued(a))
      .when({ push: push([b], { batcherEpoch: 2 }) })
      .then({
        type: 'BatchQueued',
        batch: 2,
        batcherEpoch: 2,
        tasks: [{ id: b, p: 0, tenant: 1, cls: 0, eligibleAt: 5 }],
      });
  });

  it('twice in the log counts once', () => {
    const batch = queued(a);
    const { state } = given(...batch, ...batch);
    expect(depthOf(state, 'default').visible).toBe(1);
  });
});

describe('a lease', () => {
  it('makes the task invisible, and its good end makes the queue forget it without an event', () => {
    const { state } = given(...queued(a), granted(a, 1));
    expect(depthOf(state, 'default')).toEqual({ visible: 0, leased: 1, backingOff: 0 });
    const after = given(...queued(a), granted(a, 1), ended(a, 1, 'ok'), succeeded(a));
    after.when({ decideAt: 9 }).ignored();
    expect(after.state.entries.size).toBe(0);
    expect(depthOf(after.state, 'default')).toEqual({ visible: 0, leased: 0, backingOff: 0 });
  });

  it('of an earlier attempt or an unknown task ends without effect', () => {
    const { state } = given(
      ...queued(a),
      granted(a, 1),
      ended(a, 1, 'app'),
      { type: 'TaskBackedOff', id: a, p: 0, attempt: 1, category: 'app', until: 9 },
      { type: 'TasksVisible', ids: [a] },
      granted(a, 2),
      ended(a, 1, 'app'),
      ended(b, 1, 'app'),
    );
    expect(state.toDecide.size).toBe(0);
    expect(state.entries.get(a)).toMatchObject({ state: 'leased', attempt: 2, counted: 1 });
  });
});

describe('a failed attempt', () => {
  const run = (...outcomes: readonly Outcome[]): DomainEvent[] => {
    const events = queued(a);
    outcomes.forEach((outcome, i) => {
      events.push(granted(a, i + 1), ended(a, i + 1, outcome));
      if (i < outcomes.length - 1)
        events.push(
          { type: 'TaskBackedOff', id: a, p: 0, attempt: i + 1, category: outcome, until: 1 },
          { type: 'TasksVisible', ids: [a] },
        );
    });
    return events;
  };
  const backsOff = (category: Outcome, attempt: number, until: number): DomainEvent => ({
    type: 'TaskBackedOff',
    id: a,
    p: 0,
    attempt,
    category,
    until,
  });
  const givenUp = (category: Outcome, attempt: number): DomainEvent => ({
    type: 'TaskGivenUp',
    id: a,
    p: 0,
    attempt,
    category,
  });

  it.each<[Outcome, number]>([
    ['app', 500],
    ['over-memory', 500],
    ['over-disk', 500],
    ['over-cap', 500],
    ['lost', 2_500],
    ['infra', 500],
    ['gang-broken', 500],
    ['preempted', 0],
    ['drained', 0],
  ])('of category %s backs off', (category, delay) => {
    given(...run(category))
      .when({ decideAt: 100 })
      .then(backsOff(category, 1, 100 + delay));
  });

  it('backs off for as long as its worker asked', () => {
    given(...queued(a), granted(a, 1), ended(a, 1, 'app', 9_000))
      .when({ decideAt: 100 })
      .then(backsOff('app', 1, 9_100));
    const { state } = given(...queued(a), granted(a, 1), ended(a, 1, 'snoozed', 9_000))
      .when({ decideAt: 100 })
      .then(backsOff('snoozed', 1, 9_100));
    expect(state.entries.get(a)).toMatchObject({ counted: 0, infra: 0 });
    // A wish is for the next attempt only.
    const again: DomainEvent[] = [{ type: 'TasksVisible', ids: [a] }, granted(a, 2), ended(a, 2, 'app')];
    given(...queued(a), granted(a, 1), ended(a, 1, 'snoozed', 9_000), backsOff('snoozed', 1, 9_100), ...again)
      .when({ decideAt: 20_000 })
      .then(backsOff('app', 2, 20_500));
  });

  it('backs off longer each time, and is given up when its attempts are used up', () => {
    given(...run('app', 'app'))
      .when({ decideAt: 100 })
      .then(backsOff('app', 2, 1_100));
    given(...run('app', 'app', 'app'))
      .when({ decideAt: 100 })
      .then(givenUp('app', 3));
  });

  it('that was lost counts against a budget of its own', () => {
    given(...run('app', 'lost', 'app'))
      .when({ decideAt: 0 })
      .then(backsOff('app', 3, 1_000));
    given(...run('lost', 'lost', 'lost'))
      .when({ decideAt: 0 })
      .then(givenUp('lost', 3));
    given(...run('preempted', 'preempted', 'preempted', 'preempted', 'preempted'))
      .when({ decideAt: 0 })
      .then(backsOff('preempted', 5, 0));
  });

  it('that can never succeed is given up at once, as is one of a category that is not to be retried', () => {
    given(...run('permanent'))
      .when({ decideAt: 0 })
      .then(givenUp('permanent', 1));
    const only = run('app').map((e): DomainEvent =>
      e.type === 'ClassDefined' ? { ...e, spec: spec({ retry: { ...retry, on: ['lost'] } }) } : e,
    );
    given(...only)
      .when({ decideAt: 0 })
      .then(givenUp('app', 1));
  });

  it.each(['withdrawn', 'cancelled'] as const)('that was %s takes the task out of the queue', (outcome) => {
    given(...run(outcome))
      .when({ decideAt: 0 })
      .then({ type: 'TasksRemoved', ids: [a], why: outcome });
  });

  it('is decided upon once, and counts once however often it is told', () => {
    const told = [...run('app'), backsOff('app', 1, 9), backsOff('app', 1, 9)];
    expect(given(...told).state.entries.get(a)).toMatchObject({ counted: 1, countedAttempt: 1 });
    given(...told)
      .when({ decideAt: 0 })
      .ignored();
    // Its end was lost in a crash and came in again: back to backing off, at no further cost.
    const again = given(...told, { type: 'TasksVisible', ids: [a] }, granted(a, 1), ended(a, 1, 'app'))
      .when({ decideAt: 50 })
      .then(backsOff('app', 1, 50));
    expect(again.state.entries.get(a)).toMatchObject({ counted: 1, state: 'backing_off' });
    // Or its owner had it withdrawn, as it was counted already: it stays, with its count.
    given(...told, { type: 'TasksVisible', ids: [a] }, granted(a, 1), ended(a, 1, 'withdrawn'))
      .when({ decideAt: 50 })
      .then(backsOff('withdrawn', 1, 50));
  });

  it('told again backs off no longer than its policy says, whatever a clock that was ahead wrote', () => {
    const again: DomainEvent[] = [{ type: 'TasksVisible', ids: [a] }, granted(a, 1), ended(a, 1, 'app')];
    given(...run('app'), backsOff('app', 1, 3_600_000), ...again)
      .when({ decideAt: 50 })
      .then(backsOff('app', 1, 50));
  });

  it('keeps its failure when the next attempt was granted on the word of what a crash took away', () => {
    const told = [...queued(a), granted(a, 1), ended(a, 1, 'app'), granted(a, 2)];
    given(...told)
      .when({ decideAt: 50 })
      .then({ type: 'TaskBackedOff', id: a, p: 0, attempt: 1, category: 'app', until: 550 });
    const after = given(...told, backsOff('app', 1, 550), granted(a, 2), ended(a, 2, 'void'));
    after.when({ decideAt: 60 }).ignored();
    expect(after.state.entries.get(a)).toMatchObject({ counted: 1, attempt: 1, state: 'backing_off' });
  });

  it('does not wait for a time that no policy would give: whoever wrote it had a clock that was ahead', () => {
    const hour = 3_600_000;
    const { state } = given(...run('app'), backsOff('app', 1, hour));
    expect(decideVisible(state, hour - 60_000)).toEqual([]);
    expect(decideVisible(state, hour - 60_001)).toEqual([{ type: 'TasksVisible', ids: [a] }]);
  });

  it('becomes visible again when its time has come, not before', () => {
    const told = [...run('app'), backsOff('app', 1, 1_000)];
    expect(depthOf(given(...told).state, 'default')).toEqual({ visible: 0, leased: 0, backingOff: 1 });
    expect(nextVisible(given(...told).state)).toBe(1_000);
    given(...told)
      .when({ visibleAt: 999 })
      .ignored();
    const { state } = given(...told)
      .when({ visibleAt: 1_000 })
      .then({ type: 'TasksVisible', ids: [a] });
    expect(depthOf(state, 'default')).toEqual({ visible: 1, leased: 0, backingOff: 0 });
    expect(nextVisible(state)).toBe(Infinity);
  });
});

describe('a task that its owner ended', () => {
  it.each([
    ['cancelled', cancelled(a)],
    ['failed', failed(a)],
    ['succeeded', succeeded(a)],
  ])('as %s while it was queued leaves by an event', (_, end) => {
    const { state } = given(...queued(a), end);
    expect([...state.toRemove]).toEqual([a]);
    expect(
      given(...queued(a), end, { type: 'TasksRemoved', ids: [a], why: 'cancelled' }).state,
    ).toMatchObject({ entries: new Map(), toRemove: new Set() });
  });

  it('is forgotten at once when the queue gave it up itself', () => {
    const { state } = given(
      ...queued(a),
      granted(a, 1),
      ended(a, 1, 'permanent'),
      { type: 'TaskGivenUp', id: a, p: 0, attempt: 1, category: 'permanent' },
      failed(a),
    );
    expect([state.entries.size, state.toRemove.size, state.toDecide.size]).toEqual([0, 0, 0]);
  });
});

describe('the audit after a restore', () => {
  it('finds what is queued though the log never said that it was ready', () => {
    expect(endAudit(given(submitted(a), ...queued(a, b)).state)).toEqual([b]);
    expect(endAudit(given(submitted(a), submitted(b, 1), ...queued(a, b)).state)).toEqual([b]);
    expect(endAudit(given(submitted(a), submitted(b, 1), succeeded(a, [b]), ...queued(b)).state)).toEqual([]);
  });

  it('does not mind in which order the streams told it, nor a second queueing', () => {
    expect(endAudit(given(...queued(a), submitted(a)).state)).toEqual([]);
    expect(
      endAudit(
        given(submitted(a), ...queued(a), { type: 'TasksRemoved', ids: [a], why: 'void' }, ...queued(a))
          .state,
      ),
    ).toEqual([]);
  });

  it('happens once', () => {
    const { state } = given(...queued(a));
    expect(endAudit(state)).toEqual([a]);
    expect(endAudit(state)).toEqual([]);
  });
});

describe('a queue', () => {
  it('can be paused and resumed', () => {
    const paused: DomainEvent = { type: 'QueuePaused', queue: 'default', paused: true };
    expect(given(paused).state.paused.has('default')).toBe(true);
    expect(given(paused, { ...paused, paused: false }).state.paused.size).toBe(0);
  });

  it('ignores what is about tasks that it does not hold', () => {
    const { state } = given(
      { type: 'TaskBackedOff', id: a, p: 0, attempt: 1, category: 'app', until: 9 },
      { type: 'TasksVisible', ids: [a] },
      granted(a, 1),
      ended(a, 1, 'app'),
      succeeded(a),
      cancelled(a),
      { type: 'TaskGivenUp', id: a, p: 0, attempt: 1, category: 'app' },
      {
        type: 'BatchQueued',
        batch: 1,
        batcherEpoch: 1,
        tasks: [{ id: a, p: 0, tenant: 1, cls: 7, eligibleAt: 1 }],
      },
    );
    expect([state.entries.size, state.toDecide.size, state.toRemove.size]).toEqual([0, 0, 0]);
  });
});
