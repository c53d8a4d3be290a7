import { asTaskId, asWorkerId, asWorkflowId, type TaskId } from '@yardmaster/kernel';
import { describe, expect, it } from 'vitest';
import type { DomainEvent, Outcome, SchedulingSpec } from '../events/index.js';
import { defaultRetry } from '../spec/index.js';
import { PartitionState, type TaskRecord } from './partition-state.js';
import {
  decideDue,
  decideEnd,
  decideForceEnd,
  decideSubmit,
  nextDue,
  type DraftTask,
  type Submission,
  type SubmitRefusal,
} from './partition.decide.js';
import { evolvePartition } from './partition.evolve.js';

const NOW = 1_000_000;
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
  retry: defaultRetry(),
  idempotent: false,
  require: {},
  ...more,
});
const draft = (name: string, more: Partial<DraftTask> = {}): DraftTask => ({
  spec: 0,
  dueAt: null,
  needs: [],
  parents: [],
  content: {
    name,
    key: name,
    labels: null,
    run: { script: null, scriptHash: null, command: null, args: null, env: null, input: null },
  },
  ...more,
});
const submission = (tasks: readonly DraftTask[], more: Partial<Submission> = {}): Submission => ({
  tenant: 1,
  user: 7,
  specs: [spec()],
  tasks,
  workflow: null,
  claim: null,
  ...more,
});
const workflow = { name: 'w', labels: null };

/** One partition: what is told of it, and what it decides. */
class Partition {
  readonly state = new PartitionState(0);
  #id = 0;
  #fence = 0;

  told(...events: readonly DomainEvent[]): this {
    for (const event of events) evolvePartition(this.state, event, { at: NOW, node: 'n', epoch: 1 });
    return this;
  }

  decide(s: Submission): ReturnType<typeof decideSubmit> {
    return decideSubmit(this.state, s, () => asTaskId(String(++this.#id)), NOW);
  }

  /** Ids in the order of the submission. */
  submit(tasks: readonly DraftTask[], more: Partial<Submission> = {}): TaskId[] {
    const decided = this.decide(submission(tasks, more));
    if (!decided.ok) throw new Error(decided.error.code);
    if (decided.value.kind === 'accepted') this.told(...decided.value.events);
    return [...decided.value.ids];
  }

  refused(tasks: readonly DraftTask[], more: Partial<Submission> = {}): SubmitRefusal {
    const before = [this.state.tasks.size, this.state.specs.length, this.state.claims.size];
    const decided = this.decide(submission(tasks, more));
    expect([this.state.tasks.size, this.state.specs.length, this.state.claims.size]).toEqual(before);
    if (decided.ok) throw new Error('it was accepted');
    return decided.error;
  }

  task(id: string): TaskRecord {
    const task = this.state.tasks.get(asTaskId(id));
    if (task === undefined) throw new Error(`no task ${id}`);
    return task;
  }

  stateOf(id: string): string {
    return this.task(id).state;
  }

  queued(...ids: readonly TaskId[]): this {
    return this.told({
      type: 'BatchQueued',
      batch: 1,
      batcherEpoch: 1,
      tasks: ids.map((id) => ({ id, p: 0, tenant: 1, cls: 0, eligibleAt: NOW })),
    });
  }

  granted(id: TaskId, worker = 'w', p = 0): { attempt: number; fence: number } {
    const lease = { attempt: this.task(id).attempts.length + 1, fence: ++this.#fence };
    this.told({
      type: 'LeaseGranted',
      task: id,
      p,
      tenant: 1,
      cls: 0,
      ...lease,
      worker: asWorkerId(worker),
      capMs: 60_000,
    });
    return lease;
  }

  ended(
    id: TaskId,
    outcome: Outcome,
    content: { result?: unknown; error?: string } | null = null,
    fence = this.#fence,
  ): this {
    const attempt = this.task(id).attempts.find((a) => a.fence === fence)?.attempt ?? 1;
    return this.told({
      type: 'LeaseEnded',
      task: id,
      p: 0,
      tenant: 1,
      attempt,
      fence,
      worker: asWorkerId('w'),
      outcome,
      exitCode: 0,
      usage: null,
      sealed: content,
    });
  }

  end(id: string): readonly DomainEvent[] | null {
    const events = decideEnd(this.state, this.task(id), NOW);
    if (events !== null) this.told(...events);
    return events;
  }

  succeed(id: TaskId, result: unknown = null): readonly DomainEvent[] | null {
    this.queued(id);
    this.granted(id);
    this.ended(id, 'ok', { result });
    return this.end(id);
  }
}

describe('submitting', () => {
  it('a lone task makes it ready, with its spec defined once', () => {
    const p = new Partition();
    const decided = p.decide(submission([draft('a')]));
    expect(decided).toMatchObject({ ok: true, value: { kind: 'accepted', ids: ['1'], workflow: null } });
    if (!decided.ok || decided.value.kind !== 'accepted') return;
    expect(decided.value.events.map((e) => e.type)).toEqual(['SpecDefined', 'TaskSubmitted']);
    p.told(...decided.value.events);
    expect(p.stateOf('1')).toBe('ready');
    const again = p.decide(submission([draft('b')], { specs: [{ ...spec(), resources: { slots: 1 } }] }));
    expect(
      again.ok && again.value.kind === 'accepted' ? again.value.events.map((e) => e.type) : null,
    ).toEqual(['TaskSubmitted']);
  });

  it('many at once defines equal specs once, and ids come in the order asked', () => {
    const p = new Partition();
    const decided = p.decide(
      submission([draft('a'), draft('b', { spec: 1 }), draft('c', { spec: 2 })], {
        specs: [spec(), spec({ priority: 9 }), spec()],
      }),
    );
    if (!decided.ok || decided.value.kind !== 'accepted') throw new Error('refused');
    expect(decided.value.ids).toEqual(['1', '2', '3']);
    expect(decided.value.events.filter((e) => e.type === 'SpecDefined')).toHaveLength(2);
    p.told(...decided.value.events);
    expect(['1', '2', '3'].map((id) => p.task(id).spec.priority)).toEqual([500, 9, 500]);
  });

  it('a workflow writes parents before children, whatever the order asked, and blocks the children', () => {
    const p = new Partition();
    const [d, b, a] = p.submit(
      [draft('d', { parents: [1, 2] }), draft('b', { parents: [2, 2] }), draft('a')],
      { workflow },
    );
    expect([a, b, d].map((id) => p.stateOf(id ?? ''))).toEqual(['ready', 'blocked', 'blocked']);
    expect(p.task(d ?? '').open).toBe(2);
    expect(p.task(b ?? '').open).toBe(1);
    const record = [...p.state.workflows.values()][0];
    expect(record?.tasks.map((t) => t.content.name)).toEqual(['a', 'b', 'd']);
    expect(record).toMatchObject({ count: 3, open: 3, state: 'running' });
    expect([a, b, d].map((id) => p.task(id ?? '').rank)).toEqual([0, 1, 2]);
  });

  it('a task due later waits as scheduled; one that is due already does not', () => {
    const p = new Partition();
    const [later, past] = p.submit([draft('a', { dueAt: NOW + 5 }), draft('b', { dueAt: NOW })]);
    expect([p.stateOf(later ?? ''), p.stateOf(past ?? '')]).toEqual(['scheduled', 'ready']);
    expect(p.task(past ?? '').dueAt).toBeNull();
    expect(nextDue(p.state)).toBe(NOW + 5);
  });

  it('a lone task with parents waits for those that are open', () => {
    const p = new Partition();
    const [a, b] = p.submit([draft('a'), draft('b')]) as [TaskId, TaskId];
    p.succeed(a, 3);
    const [c, d] = p.submit([draft('c', { needs: [a, b, b] }), draft('d', { needs: [a] })]) as [
      TaskId,
      TaskId,
    ];
    expect([p.stateOf(c), p.task(c).open, p.stateOf(d)]).toEqual(['blocked', 1, 'ready']);
    expect(p.succeed(b)?.[0]).toMatchObject({ type: 'TaskSucceeded', released: [c] });
    expect(p.stateOf(c)).toBe('ready');
  });

  it('with a known key answers what the key stands for and writes nothing', () => {
    const p = new Partition();
    const claim = { key: 'k', body: 'b' };
    const ids = p.submit([draft('a'), draft('b')], { claim });
    expect(p.decide(submission([draft('a'), draft('b')], { claim }))).toEqual({
      ok: true,
      value: { kind: 'repeated', ids, workflow: null },
    });
    expect(p.refused([draft('c')], { claim: { key: 'k', body: 'other' } })).toEqual({
      code: 'idempotency-mismatch',
    });
  });

  it('a workflow again with its key answers the same ids in the same order', () => {
    const p = new Partition();
    const claim = { key: 'k', body: 'b' };
    const tasks = [draft('c', { parents: [1] }), draft('b', { parents: [2] }), draft('a')];
    const ids = p.submit(tasks, { claim, workflow });
    const again = p.decide(submission(tasks, { claim, workflow }));
    expect(again).toMatchObject({
      ok: true,
      value: { kind: 'repeated', ids, workflow: [...p.state.workflows.keys()][0] },
    });
    // Also when it ended long ago and is forgotten: the key is not.
    p.state.workflows.clear();
    for (const id of [...p.state.tasks.keys()]) p.state.tasks.delete(id);
    expect(p.decide(submission(tasks, { claim, workflow }))).toEqual(again);
  });

  it("is refused, and leaves nothing, for a cycle, a self-edge, an unknown parent, another tenant's, or a failed one", () => {
    const p = new Partition();
    expect(
      p.refused([draft('a', { parents: [1] }), draft('b', { parents: [0] })], { workflow }),
    ).toMatchObject({ code: 'cycle-in-graph', cycle: expect.arrayContaining([0, 1]) as unknown });
    expect(p.refused([draft('a', { parents: [0] })], { workflow })).toMatchObject({ code: 'cycle-in-graph' });
    expect(p.refused([draft('a'), draft('b', { needs: ['99'] })])).toEqual({
      code: 'unknown-parent',
      task: 1,
      parent: '99',
    });
    const [a] = p.submit([draft('a')]) as [TaskId];
    expect(p.refused([draft('b', { needs: [a] })], { tenant: 2 })).toEqual({
      code: 'unknown-parent',
      task: 0,
      parent: a,
    });
    p.told({ type: 'CancelRequested', id: a, user: 1 });
    p.end(a);
    expect(p.refused([draft('b', { needs: [a] })])).toEqual({ code: 'parent-failed', task: 0, parent: a });
  });

  it('is refused when no worker ever seen could run it, and waits while none of its kind was seen', () => {
    const p = new Partition();
    p.submit([draft('a')], { specs: [spec({ resources: { slots: 99 } })] });
    p.told({
      type: 'WorkerJoined',
      worker: asWorkerId('w'),
      incarnation: 'i',
      kind: 'sdk',
      name: 'w',
      tenant: 1,
      capacity: { slots: 4 },
      handlers: ['h'],
      labels: {},
      gateway: 'g',
    });
    expect(p.refused([draft('b')], { specs: [spec({ resources: { slots: 5 } })] })).toEqual({
      code: 'never-runnable',
      task: 0,
      dimension: 'slots',
    });
    p.submit([draft('c')], { specs: [spec({ kind: 'command', handler: null, resources: { cpu: 9_000 } })] });
    p.submit([draft('d')], { specs: [spec({ handler: 'unseen' })] });
  });
});

describe('an attempt', () => {
  const ran = (): [Partition, TaskId] => {
    const p = new Partition();
    const [a] = p.submit([draft('a')]) as [TaskId];
    p.queued(a);
    p.granted(a);
    return [p, a];
  };

  it('goes from queued to running and is to be handed out', () => {
    const p = new Partition();
    const [a] = p.submit([draft('a')]) as [TaskId];
    p.queued(a);
    expect(p.stateOf(a)).toBe('queued');
    p.granted(a);
    expect(p.stateOf(a)).toBe('running');
    expect([...p.state.toDispatch]).toEqual([p.task(a)]);
  });

  it('that ends well makes the task succeed with its result', () => {
    const [p, a] = ran();
    expect(decideEnd(p.state, p.task(a), NOW)).toBeNull();
    p.ended(a, 'ok', { result: { x: 1 } });
    expect([...p.state.toSettle]).toEqual([p.task(a)]);
    expect(p.end(a)).toEqual([
      { type: 'TaskSucceeded', id: a, tenant: 1, attempt: 1, released: [], sealed: { result: { x: 1 } } },
    ]);
    expect(p.task(a)).toMatchObject({ state: 'succeeded', result: { x: 1 }, endedAt: NOW });
    expect(p.state.toSettle.size).toBe(0);
    expect(p.end(a)).toBeNull();
  });

  it('that fails waits for the queue, which lets it back off, be visible and run again', () => {
    const [p, a] = ran();
    p.ended(a, 'app', { error: 'boom' });
    expect(p.end(a)).toBeNull();
    p.told({ type: 'TaskBackedOff', id: a, p: 0, attempt: 1, category: 'app', until: NOW + 9 });
    expect(p.stateOf(a)).toBe('backing_off');
    p.told({ type: 'TasksVisible', ids: [a] });
    expect(p.stateOf(a)).toBe('queued');
    expect(p.granted(a)).toEqual({ attempt: 2, fence: 2 });
    expect(p.task(a).attempts.map((t) => t.outcome)).toEqual(['app', null]);
    p.ended(a, 'ok');
    expect(p.end(a)?.[0]).toMatchObject({ type: 'TaskSucceeded', attempt: 2 });
  });

  it('is not set back by the end of the one before, told late; one that never was counts for nothing', () => {
    const [p, a] = ran();
    const backsOff: DomainEvent = {
      type: 'TaskBackedOff',
      id: a,
      p: 0,
      attempt: 1,
      category: 'app',
      until: NOW + 9,
    };
    p.ended(a, 'app').granted(a);
    p.told(backsOff, { type: 'TasksVisible', ids: [a] });
    expect(p.stateOf(a)).toBe('running');
    p.ended(a, 'void').told(backsOff);
    expect(p.stateOf(a)).toBe('backing_off');
  });

  it('given up fails the task with its error and takes down everything that needs it', () => {
    const p = new Partition();
    const [a, b, c, d, other] = p.submit(
      [
        draft('a'),
        draft('b', { parents: [0] }),
        draft('c', { parents: [0] }),
        draft('d', { parents: [1, 2] }),
        draft('other'),
      ],
      { workflow },
    ) as [TaskId, TaskId, TaskId, TaskId, TaskId];
    p.queued(a);
    p.granted(a);
    p.ended(a, 'permanent', { error: 'boom' });
    p.told({ type: 'TaskGivenUp', id: a, p: 0, attempt: 1, category: 'permanent' });
    expect(p.end(a)).toEqual([
      {
        type: 'TaskFailed',
        id: a,
        tenant: 1,
        attempt: 1,
        category: 'permanent',
        upstreamFailed: [b, c, d],
        sealed: { error: 'boom' },
      },
    ]);
    expect([a, b, c, d, other].map((id) => p.stateOf(id))).toEqual([
      'failed',
      'upstream_failed',
      'upstream_failed',
      'upstream_failed',
      'ready',
    ]);
    const ends = p.succeed(other);
    expect(ends?.at(-1)).toMatchObject({ type: 'WorkflowEnded', state: 'failed' });
  });

  it('granted to a task that is blocked, scheduled, ended or cancelled is to be taken back, and does not run', () => {
    const p = new Partition();
    const [a, b] = p.submit([draft('a'), draft('b', { parents: [0] })], { workflow }) as [TaskId, TaskId];
    const [later, gone] = p.submit([draft('later', { dueAt: NOW + 9 }), draft('gone')]) as [TaskId, TaskId];
    p.told({ type: 'CancelRequested', id: gone, user: 1 });
    p.end(gone);
    for (const [id, state] of [
      [b, 'blocked'],
      [later, 'scheduled'],
      [gone, 'cancelled'],
    ] as const) {
      p.granted(id);
      expect(p.stateOf(id)).toBe(state);
      expect(p.state.toDispatch.has(p.task(id))).toBe(true);
      p.ended(id, 'withdrawn');
      expect(p.state.toDispatch.has(p.task(id))).toBe(false);
      expect(p.end(id)).toBeNull();
    }
    expect(p.succeed(a)?.[0]).toMatchObject({ released: [b] });
    expect(p.stateOf(b)).toBe('ready');
  });

  it('that is void leaves a task blocked that was never released', () => {
    const p = new Partition();
    const ids = p.submit([draft('a'), draft('b', { parents: [0] })], { workflow });
    const blocked = ids.find((id) => p.stateOf(id) === 'blocked')!;
    p.granted(blocked);
    p.ended(blocked, 'void');
    expect(p.stateOf(blocked)).toBe('blocked');
  });

  it('that is void does not count: the task is as it was, and the next attempt is its own', () => {
    const [p, a] = ran();
    p.ended(a, 'void');
    expect(p.stateOf(a)).toBe('queued');
    p.granted(a);
    p.ended(a, 'ok', null, 1);
    expect(p.end(a)).toBeNull();
    p.ended(a, 'ok', null, 2);
    expect(p.end(a)?.[0]?.type).toBe('TaskSucceeded');
  });

  it('of another partition, of an unknown task or told twice changes nothing', () => {
    const [p, a] = ran();
    p.granted(a, 'w', 5);
    expect(p.task(a).attempts).toHaveLength(1);
    p.told({
      type: 'LeaseGranted',
      task: asTaskId('404'),
      p: 0,
      tenant: 1,
      cls: 0,
      attempt: 1,
      fence: 9,
      worker: asWorkerId('w'),
      capMs: 1,
    });
    p.ended(a, 'ok', { result: 1 }, 1);
    p.ended(a, 'app', { error: 'late' }, 1);
    expect(p.task(a).attempts[0]).toMatchObject({ outcome: 'ok', result: 1 });
    p.end(a);
    p.told(
      { type: 'TaskGivenUp', id: a, p: 0, attempt: 1, category: 'app' },
      { type: 'TaskBackedOff', id: a, p: 0, attempt: 1, category: 'app', until: 1 },
    );
    expect(p.stateOf(a)).toBe('succeeded');
    expect(p.end(a)).toBeNull();
  });

  it('is handed out again when its worker comes back through another door', () => {
    const [p, a] = ran();
    p.state.toDispatch.clear();
    p.told({
      type: 'WorkerJoined',
      worker: asWorkerId('w'),
      incarnation: 'i',
      kind: 'sdk',
      name: 'w',
      tenant: 1,
      capacity: {},
      handlers: ['h'],
      labels: {},
      gateway: 'new',
    });
    expect([...p.state.toDispatch]).toEqual([p.task(a)]);
    expect(p.state.sessions.get(asWorkerId('w'))).toMatchObject({ gateway: 'new' });
  });
});

describe('children', () => {
  it('of a fan-in are released by the last parent alone', () => {
    const p = new Partition();
    const [a, b, c] = p.submit([draft('a'), draft('b'), draft('c', { parents: [0, 1] })], { workflow }) as [
      TaskId,
      TaskId,
      TaskId,
    ];
    expect(p.succeed(a)?.[0]).toMatchObject({ released: [] });
    expect(p.stateOf(c)).toBe('blocked');
    expect(p.succeed(b)?.[0]).toMatchObject({ released: [c] });
    expect(p.stateOf(c)).toBe('ready');
    expect(p.succeed(c)).toEqual([
      expect.objectContaining({ type: 'TaskSucceeded' }),
      { type: 'WorkflowEnded', id: [...p.state.workflows.keys()][0], tenant: 1, state: 'succeeded' },
    ]);
    expect([...p.state.workflows.values()][0]).toMatchObject({ state: 'succeeded', open: 0, endedAt: NOW });
  });

  it('that are due later wait on as scheduled, and are due at once when their time passed meanwhile', () => {
    const p = new Partition();
    const [a, later] = p.submit([draft('a'), draft('later', { parents: [0], dueAt: NOW + 9 })], {
      workflow,
    }) as [TaskId, TaskId];
    expect(nextDue(p.state)).toBe(Infinity);
    p.succeed(a);
    expect(p.stateOf(later)).toBe('scheduled');
    expect(decideDue(p.state, NOW + 8)).toEqual([]);
    const due = decideDue(p.state, NOW + 9);
    expect(due).toEqual([{ type: 'TasksDue', ids: [later] }]);
    p.told(...due);
    expect([p.stateOf(later), nextDue(p.state)]).toEqual(['ready', Infinity]);

    const q = new Partition();
    const [b, late] = q.submit([draft('b'), draft('late', { parents: [0], dueAt: NOW + 1 })], {
      workflow,
    }) as [TaskId, TaskId];
    q.queued(b);
    q.granted(b);
    q.ended(b, 'ok');
    expect(decideEnd(q.state, q.task(b), NOW + 2)).toEqual([
      { type: 'TasksDue', ids: [late] },
      expect.objectContaining({ type: 'TaskSucceeded', released: [late] }),
    ]);
  });
});

describe('forcing a task to end', () => {
  const force = (p: Partition, id: TaskId): readonly DomainEvent[] | null => {
    const events = decideForceEnd(p.task(id), 'stuck');
    if (events !== null) p.told(...events);
    return events;
  };

  it('fails it with the reason, whether it waits or an attempt is under way', () => {
    const p = new Partition();
    const [waiting, queued, running] = p.submit([draft('a'), draft('b'), draft('c')]) as [
      TaskId,
      TaskId,
      TaskId,
    ];
    p.queued(queued, running);
    p.granted(running);
    for (const [id, attempt] of [
      [waiting, 0],
      [queued, 0],
      [running, 1],
    ] as const) {
      expect(force(p, id)).toEqual([
        {
          type: 'TaskFailed',
          id,
          tenant: 1,
          attempt,
          category: 'permanent',
          upstreamFailed: [],
          sealed: { error: 'stuck' },
        },
      ]);
      expect([p.stateOf(id), p.task(id).error]).toEqual(['failed', 'stuck']);
      expect(force(p, id)).toBeNull();
    }
    // What the fenced attempt says later changes nothing.
    p.ended(running, 'ok');
    expect(p.end(running)).toBeNull();
    expect(p.stateOf(running)).toBe('failed');
  });

  it('takes down what needs it, and ends its workflow', () => {
    const p = new Partition();
    const [a, b] = p.submit([draft('a'), draft('b', { parents: [0] })], { workflow }) as [TaskId, TaskId];
    expect(force(p, a)?.map((event) => event.type)).toEqual(['TaskFailed', 'WorkflowEnded']);
    expect([p.stateOf(a), p.stateOf(b)]).toEqual(['failed', 'upstream_failed']);
  });
});

describe('cancelling', () => {
  const cancel = (p: Partition, id: TaskId): readonly DomainEvent[] | null => {
    p.told({ type: 'CancelRequested', id, user: 1 });
    expect(p.state.toCancel.has(p.task(id))).toBe(true);
    return p.end(id);
  };

  it.each(['scheduled', 'blocked', 'ready', 'queued', 'backing_off'] as const)(
    'a task that is %s ends it at once',
    (state) => {
      const p = new Partition();
      const [parent, a] = p.submit(
        [
          draft('p'),
          draft('a', {
            parents: state === 'blocked' ? [0] : [],
            dueAt: state === 'scheduled' ? NOW + 9 : null,
          }),
        ],
        { workflow },
      ) as [TaskId, TaskId];
      if (state === 'queued' || state === 'backing_off') p.queued(a);
      if (state === 'backing_off') {
        p.granted(a);
        p.ended(a, 'app');
        p.told({ type: 'TaskBackedOff', id: a, p: 0, attempt: 1, category: 'app', until: NOW + 9 });
      }
      expect(p.stateOf(a)).toBe(state);
      expect(cancel(p, a)).toEqual([{ type: 'TaskCancelled', id: a, tenant: 1, upstreamFailed: [] }]);
      expect([p.stateOf(a), p.state.toCancel.size, nextDue(p.state)]).toEqual(['cancelled', 0, Infinity]);
      expect(p.succeed(parent)?.at(-1)).toMatchObject({ type: 'WorkflowEnded', state: 'cancelled' });
    },
  );

  it('one that runs waits for its attempt to end, however it ends', () => {
    for (const outcome of ['cancelled', 'ok', 'app', 'lost'] as const) {
      const p = new Partition();
      const [a] = p.submit([draft('a')]) as [TaskId];
      p.queued(a);
      p.granted(a);
      expect(cancel(p, a)).toBeNull();
      expect(p.stateOf(a)).toBe('cancelling');
      p.ended(a, outcome, { result: 1 });
      // Though the queue gave it up meanwhile: whoever asked in time gets what they asked for.
      if (outcome === 'app') p.told({ type: 'TaskGivenUp', id: a, p: 0, attempt: 1, category: 'app' });
      expect(p.end(a)?.[0]).toMatchObject({ type: 'TaskCancelled' });
    }
  });

  it('ends a workflow with its own last task, however many outside needed one of it', () => {
    const p = new Partition();
    const [a, b] = p.submit([draft('a'), draft('b', { parents: [0] })], { workflow }) as [TaskId, TaskId];
    const [c, d] = p.submit([draft('c', { needs: [b] }), draft('d', { needs: [b] })]) as [TaskId, TaskId];
    expect(cancel(p, b)).toEqual([{ type: 'TaskCancelled', id: b, tenant: 1, upstreamFailed: [c, d] }]);
    expect([c, d].map((id) => p.stateOf(id))).toEqual(['upstream_failed', 'upstream_failed']);
    expect([...p.state.workflows.values()].map(({ state, open }) => [state, open])).toEqual([['running', 1]]);
    expect(p.succeed(a)?.at(-1)).toMatchObject({ type: 'WorkflowEnded', state: 'cancelled' });
  });

  it('takes down what needs it, and what comes after the end changes nothing', () => {
    const p = new Partition();
    const [a, b] = p.submit([draft('a'), draft('b', { parents: [0] })], { workflow }) as [TaskId, TaskId];
    expect(cancel(p, a)).toEqual([
      { type: 'TaskCancelled', id: a, tenant: 1, upstreamFailed: [b] },
      expect.objectContaining({ type: 'WorkflowEnded', state: 'failed' }),
    ]);
    expect(p.stateOf(b)).toBe('upstream_failed');
    p.told(
      { type: 'CancelRequested', id: b, user: 1 },
      { type: 'CancelRequested', id: asTaskId('404'), user: 1 },
    );
    expect(p.state.toCancel.size).toBe(0);
  });
});

describe('what left the queue', () => {
  it.each(['void', 'cancelled', 'withdrawn'] as const)(
    'as %s while its owner still wants it waits again',
    (why) => {
      const p = new Partition();
      const [a] = p.submit([draft('a')]) as [TaskId];
      p.queued(a).told({ type: 'TasksRemoved', ids: [a], why });
      expect(p.stateOf(a)).toBe('ready');
    },
  );

  it('does not touch a task that is blocked, running, or ended', () => {
    const p = new Partition();
    const [a, b] = p.submit([draft('a'), draft('b', { parents: [0] })], { workflow }) as [TaskId, TaskId];
    p.told({ type: 'TasksRemoved', ids: [b, asTaskId('404')], why: 'void' });
    expect(p.stateOf(b)).toBe('blocked');
    p.queued(a);
    p.granted(a);
    p.told({ type: 'TasksRemoved', ids: [a], why: 'void' });
    expect(p.stateOf(a)).toBe('running');
  });
});

describe('a partition', () => {
  it('ignores what cannot be: unknown tasks, workflows, specs, and events of other streams', () => {
    const p = new Partition();
    const id = asTaskId('1');
    p.told(
      { type: 'TasksDue', ids: [id] },
      { type: 'TaskSucceeded', id, tenant: 1, attempt: 1, released: [], sealed: null },
      { type: 'TaskCancelled', id, tenant: 1, upstreamFailed: [id] },
      { type: 'TaskFailed', id, tenant: 1, attempt: 1, category: 'app', upstreamFailed: [id], sealed: null },
      { type: 'WorkflowEnded', id: asWorkflowId('9'), tenant: 1, state: 'failed' },
      { type: 'TasksVisible', ids: [id] },
      { type: 'TaskGivenUp', id, p: 0, attempt: 1, category: 'app' },
      { type: 'TaskBackedOff', id, p: 0, attempt: 1, category: 'app', until: 1 },
      { type: 'OwnerTookOver', role: 'x', epoch: 1, node: 'n' },
      { type: 'KeyRevoked', keyId: 'k' },
    );
    expect(p.state.tasks.size).toBe(0);
  });

  it('takes the same submission once', () => {
    const p = new Partition();
    const decided = p.decide(submission([draft('a')]));
    if (!decided.ok || decided.value.kind !== 'accepted') throw new Error('refused');
    p.told(...decided.value.events, ...decided.value.events);
    expect(p.state.tasks.size).toBe(1);
    expect(p.state.specs).toHaveLength(1);
  });
});
