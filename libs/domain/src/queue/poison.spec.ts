import { asTaskId, asWorkerId } from '@yardmaster/kernel';
import { SPEC } from '@yardmaster/testkit';
import { describe, expect, it } from 'vitest';
import type { DomainEvent, Outcome } from '../events/index.js';
import { CORRELATED_MS } from '../retry/index.js';
import { queueRows, QueueRowReader } from '../snapshot/index.js';
import { specKey } from '../task/spec-key.js';
import { decideFailure } from './queue.decide.js';
import { evolveQueue, QueueState } from './queue-state.js';

const task = asTaskId('7');
const HOUR = 3_600_000;

/** One task, and others that hold leases beside it. */
class Story {
  state = new QueueState();
  #attempt = 0;

  constructor(lostBudget = 5) {
    const spec = {
      ...SPEC,
      retry: { maxAttempts: 3, lostBudget, initialBackoffMs: 1, maxBackoffMs: 1, on: null },
    };
    this.tell(0, { type: 'ClassDefined', n: 0, spec });
    this.tell(0, {
      type: 'BatchQueued',
      batch: 1,
      batcherEpoch: 1,
      tasks: [{ id: task, p: 0, tenant: 1, cls: 0, eligibleAt: 0 }],
    });
  }

  tell(at: number, event: DomainEvent): void {
    evolveQueue(this.state, event, specKey, at);
  }

  /** Another worker goes down with what it held. */
  otherLost(worker: string, at: number): void {
    this.tell(at, end('404', 1, worker, 'lost'));
  }

  /** An attempt of the task ends; what the queue makes of it. */
  ends(outcome: Outcome, at: number, worker = 'w'): DomainEvent | null {
    const attempt = ++this.#attempt;
    const {
      outcome: _o,
      exitCode: _e,
      usage: _u,
      sealed: _s,
      type: _t,
      ...lease
    } = end(task, attempt, worker, outcome);
    this.tell(at, { type: 'LeaseGranted', ...lease, cls: 0, capMs: 1 });
    this.tell(at, end(task, attempt, worker, outcome));
    const [entry] = this.state.toDecide;
    const next = entry === undefined ? null : decideFailure(entry, at, 0, this.state.workerLosses);
    if (next !== null) this.tell(at, next);
    this.tell(at, { type: 'TasksVisible', ids: [task] });
    return next;
  }

  /** A new owner goes on from a snapshot. */
  restored(): this {
    const state = new QueueState();
    const reader = new QueueRowReader(state);
    for (const row of queueRows(this.state)) reader.read(row);
    this.state = state;
    return this;
  }
}

const end = (id: string, attempt: number, worker: string, outcome: Outcome) =>
  ({
    type: 'LeaseEnded',
    task: asTaskId(id),
    p: 0,
    tenant: 1,
    attempt,
    fence: attempt,
    worker: asWorkerId(worker),
    outcome,
    exitCode: null,
    usage: null,
    sealed: null,
  }) as const;
const again = { type: 'TaskBackedOff' };
const alone = { type: 'TaskBackedOff', alone: true };
const dead = { type: 'TaskGivenUp', category: 'lost', dead: true };

describe('a task whose workers are lost while it runs', () => {
  it('is tried three times as any other, then alone, then given up for good', () => {
    const story = new Story();
    expect(story.ends('lost', 1 * HOUR, 'a')).toEqual(expect.not.objectContaining({ alone: true }));
    expect(story.ends('lost', 2 * HOUR, 'b')).toEqual(expect.not.objectContaining({ alone: true }));
    expect(story.ends('lost', 3 * HOUR, 'c')).toMatchObject(alone);
    expect(story.ends('lost', 4 * HOUR, 'd')).toMatchObject(dead);
    expect(story.state.entries.size).toBe(0);
  });

  it('is suspected by the losses of a single worker too, when they lie apart', () => {
    const story = new Story();
    for (const hour of [1, 2]) expect(story.ends('lost', hour * HOUR)).toMatchObject(again);
    expect(story.ends('lost', 3 * HOUR)).toMatchObject(alone);
  });

  it('is not suspected when the workers went down together', () => {
    const story = new Story();
    for (const hour of [1, 2, 3, 4]) {
      story.otherLost('x', hour * HOUR);
      story.otherLost('y', hour * HOUR + 20_000);
      expect(story.ends('lost', hour * HOUR + 30_000, `w${String(hour)}`)).toEqual(
        expect.not.objectContaining({ alone: true }),
      );
    }
    // Its ordinary budget is used up all the same.
    story.otherLost('x', 5 * HOUR);
    story.otherLost('y', 5 * HOUR);
    expect(story.ends('lost', 5 * HOUR)).toMatchObject(again);
    expect(story.ends('lost', 6 * HOUR)).toEqual(
      expect.objectContaining({ type: 'TaskGivenUp', category: 'lost' }),
    );
  });

  it('counts as together what was lost shortly after it, and not what was lost long before', () => {
    const story = new Story();
    story.ends('lost', 1 * HOUR, 'a');
    story.otherLost('x', 1 * HOUR + CORRELATED_MS);
    story.otherLost('y', 1 * HOUR + CORRELATED_MS);
    story.ends('lost', 2 * HOUR, 'b');
    story.otherLost('x', 3 * HOUR - CORRELATED_MS - 1);
    story.otherLost('y', 3 * HOUR - CORRELATED_MS - 1);
    expect(story.ends('lost', 3 * HOUR, 'c')).toEqual(expect.not.objectContaining({ alone: true }));
    expect(story.ends('lost', 4 * HOUR, 'd')).toMatchObject(alone);
  });

  it('that ran alone is tried so again when all workers went down with it', () => {
    const story = new Story();
    for (const hour of [1, 2, 3]) story.ends('lost', hour * HOUR, `w${String(hour)}`);
    story.otherLost('x', 4 * HOUR);
    story.otherLost('y', 4 * HOUR);
    expect(story.ends('lost', 4 * HOUR, 'd')).toMatchObject(again);
    expect(story.ends('lost', 5 * HOUR, 'e')).toMatchObject(dead);
  });

  it('that ran alone and failed by itself is tried as its policy says, and alone still', () => {
    const story = new Story();
    for (const hour of [1, 2, 3]) story.ends('lost', hour * HOUR, `w${String(hour)}`);
    expect(story.ends('app', 4 * HOUR)).toMatchObject({ ...again, category: 'app' });
    expect(story.ends('lost', 5 * HOUR)).toMatchObject(dead);
  });

  it('is given up by its budget before, where that is smaller', () => {
    const story = new Story(1);
    story.ends('lost', 1 * HOUR);
    const next = story.ends('lost', 2 * HOUR);
    expect(next).toMatchObject({ type: 'TaskGivenUp' });
    expect(next).not.toHaveProperty('dead');
  });

  it('is suspected under a new owner as under the one before', () => {
    const story = new Story();
    story.ends('lost', 1 * HOUR, 'a');
    story.ends('lost', 2 * HOUR, 'b');
    expect(story.restored().ends('lost', 3 * HOUR, 'c')).toMatchObject(alone);
    expect(story.restored().ends('lost', 4 * HOUR, 'd')).toMatchObject(dead);
  });
});
