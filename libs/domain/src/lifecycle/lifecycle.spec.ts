import { asTaskId, asWorkerId } from '@yardmaster/kernel';
import { describe, expect, it } from 'vitest';
import type { LeaseEnded, LeaseGranted, Outcome } from '../events/index.js';
import { joinState, leaseFact, ownerFact, queueFact, submittedFact } from './facts.js';
import { isTerminal, statusOf, TASK_STATES, type TaskState } from './task-state.js';
import { nextStates, TRANSITIONS } from './transitions.js';

const id = asTaskId('7');
const granted = (attempt: number): LeaseGranted => ({
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
const ended = (attempt: number, outcome: Outcome): LeaseEnded => ({
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
  sealed: null,
});
const ready = submittedFact({ dueAt: null, open: 0 });
const queued = queueFact(null, { type: 'BatchQueued', batch: 1, batcherEpoch: 1, tasks: [] });

describe('the table of transitions', () => {
  const terminal = TASK_STATES.filter(isTerminal);
  /** No event of today leads to or from them; each comes with the feature that brings its event. */
  const unused: TaskState[] = ['held', 'awaiting_input', 'starting', 'skipped', 'expired'];

  it('names no row twice', () => {
    const rows = TRANSITIONS.map((t) => `${t.from} ${t.event} ${t.as} ${t.to}`);
    expect(new Set(rows).size).toBe(rows.length);
  });

  it('leaves no state that ends a life', () => {
    for (const state of terminal) expect(TRANSITIONS.filter((t) => t.from === state)).toEqual([]);
  });

  it('reaches every state that has events, and an end from each of them', () => {
    const reached = new Set<TaskState | null>([null]);
    for (let before = 0; before < reached.size;) {
      before = reached.size;
      for (const t of TRANSITIONS) if (reached.has(t.from)) reached.add(t.to);
    }
    expect(TASK_STATES.filter((s) => !reached.has(s))).toEqual(unused);
    for (const from of reached) {
      if (from === null || isTerminal(from)) continue;
      expect(nextStates(from, 'TaskCancelled')).toEqual(['cancelled']);
    }
  });

  it('says nothing about an event that cannot apply', () => {
    expect(nextStates('succeeded', 'TaskFailed')).toEqual([]);
    expect(nextStates('ready', 'BatchQueued')).toEqual(['queued']);
    expect(nextStates('blocked', 'TaskSucceeded')).toEqual([]);
    expect(nextStates('blocked', 'TaskSucceeded', 'released')).toEqual(['ready']);
  });
});

describe('a status', () => {
  it('is one of four', () => {
    expect(TASK_STATES.map(statusOf).filter((s) => s === 'waiting')).toHaveLength(8);
    expect([statusOf('running'), statusOf('skipped'), statusOf('upstream_failed')]).toEqual([
      'in_progress',
      'done',
      'failed',
    ]);
  });
});

describe('the state of a task', () => {
  it('is unknown before anything was said', () => {
    expect(joinState({ owner: null, queue: null, lease: null })).toBeNull();
  });

  it('follows due time and parents', () => {
    let owner = ownerFact(null, { type: 'TaskSubmitted', dueAt: 5, open: 2 } as never);
    expect(owner?.phase).toBe('scheduled');
    owner = ownerFact(owner, { type: 'TasksDue', ids: [id] });
    expect(owner?.phase).toBe('blocked');
    const released = {
      type: 'TaskSucceeded',
      id: asTaskId('1'),
      tenant: 1,
      attempt: 1,
      released: [id],
      sealed: null,
    } as const;
    owner = ownerFact(owner, released, 'released');
    expect(owner?.phase).toBe('ready');
    const early = ownerFact(submittedFact({ dueAt: 5, open: 1 }), released, 'released');
    expect([early?.phase, ownerFact(early, { type: 'TasksDue', ids: [id] })?.phase]).toEqual([
      'scheduled',
      'ready',
    ]);
  });

  it('does not wait for the slower stream', () => {
    expect(joinState({ owner: ready, queue: null, lease: leaseFact(null, granted(1)) })).toBe('running');
    expect(joinState({ owner: null, queue: queued, lease: null })).toBe('queued');
  });

  it('is running again while the queue still speaks of the attempt before', () => {
    const back = queueFact(queued, {
      type: 'TaskBackedOff',
      id,
      p: 0,
      attempt: 1,
      category: 'app',
      until: 9,
    });
    expect(joinState({ owner: ready, queue: back, lease: leaseFact(null, ended(1, 'app')) })).toBe(
      'backing_off',
    );
    expect(joinState({ owner: ready, queue: back, lease: leaseFact(null, granted(2)) })).toBe('running');
    const visible = queueFact(back, { type: 'TasksVisible', ids: [id] });
    expect(joinState({ owner: ready, queue: visible, lease: leaseFact(null, ended(1, 'app')) })).toBe(
      'queued',
    );
  });

  it.each([
    ['ok', 'running'],
    ['app', 'backing_off'],
    ['lost', 'backing_off'],
    ['preempted', 'suspended'],
    ['withdrawn', 'queued'],
    ['cancelled', 'cancelling'],
  ] as [Outcome, TaskState][])(
    'after an attempt that ended %s is %s until someone decides',
    (outcome, state) => {
      expect(
        joinState({
          owner: ready,
          queue: queued,
          lease: leaseFact(leaseFact(null, granted(1)), ended(1, outcome)),
        }),
      ).toBe(state);
    },
  );

  it('is what the owner says at the end, whatever else was said', () => {
    const owner = ownerFact(ready, { type: 'TaskCancelled', id, tenant: 1, upstreamFailed: [] });
    expect(joinState({ owner, queue: queued, lease: leaseFact(null, granted(8)) })).toBe('cancelled');
    expect(
      ownerFact(owner, { type: 'TaskSucceeded', id, tenant: 1, attempt: 1, released: [], sealed: null }),
    ).toBe(owner);
  });

  it('is cancelling while an attempt holds a lease after the request', () => {
    const owner = ownerFact(ready, { type: 'CancelRequested', id, user: 1 });
    expect(joinState({ owner, queue: queued, lease: leaseFact(null, granted(1)) })).toBe('cancelling');
    expect(joinState({ owner, queue: queued, lease: null })).toBe('queued');
  });

  it('ignores the end of an attempt that is not the last', () => {
    const now = leaseFact(null, granted(2));
    expect(leaseFact(now, ended(1, 'lost'))).toBe(now);
  });

  it('belongs to the later life', () => {
    const owner = {
      ...ownerFact(ready, { type: 'TaskCancelled', id, tenant: 1, upstreamFailed: [] })!,
      life: 1,
    };
    expect(joinState({ owner, queue: { ...queued, life: 2 }, lease: null })).toBe('queued');
  });
});
