import { asTaskId, asWorkerId } from '@yardmaster/kernel';
import { SPEC } from '@yardmaster/testkit';
import { describe, expect, it } from 'vitest';
import type { DomainEvent, LeaseGranted, Outcome } from '../events/index.js';
import { endOf } from './cell.decide.js';
import { CellState } from './cell-state.js';
import { adoptFinish, judgeLate } from './late-finish.js';

const task = asTaskId('7');
const worker = asWorkerId('w');
const joined = (id: string): DomainEvent => ({
  type: 'WorkerJoined',
  worker: asWorkerId(id),
  incarnation: 'one',
  kind: 'sdk',
  name: id,
  tenant: null,
  capacity: { slots: 1 },
  handlers: ['h'],
  labels: {},
  gateway: 'g',
});
const granted = (attempt: number, fence: number, to = 'w'): LeaseGranted => ({
  type: 'LeaseGranted',
  task,
  p: 0,
  tenant: 1,
  cls: 0,
  attempt,
  fence,
  worker: asWorkerId(to),
  capMs: 1_000,
});
const ended = (grant: LeaseGranted, outcome: Outcome): DomainEvent => endOf(grant, { outcome });
const queued: readonly DomainEvent[] = [
  {
    type: 'ClassDefined',
    n: 0,
    spec: { ...SPEC, handler: 'h', capMs: 1_000 },
  },
  {
    type: 'BatchQueued',
    batch: 1,
    batcherEpoch: 1,
    tasks: [{ id: task, p: 0, tenant: 1, cls: 0, eligibleAt: 0 }],
  },
  joined('w'),
];
const lost: readonly DomainEvent[] = [...queued, granted(1, 5), ended(granted(1, 5), 'lost')];
const backing: DomainEvent = {
  type: 'TaskBackedOff',
  id: task,
  p: 0,
  attempt: 1,
  category: 'lost',
  until: 10,
};
const visible: DomainEvent = { type: 'TasksVisible', ids: [task] };

function given(...events: readonly DomainEvent[]): CellState {
  const state = new CellState();
  for (const event of events) state.apply(event, 1_000);
  return state;
}
const judge = (state: CellState, more: Partial<Parameters<typeof judgeLate>[1]> = {}): string =>
  judgeLate(state, { task, attempt: 1, fence: 5, worker, outcome: 'ok', ...more }).kind;

describe('the finish of a lost attempt', () => {
  it('waits while its task backs off, and counts once that is visible and nobody else has it', () => {
    expect(judge(given(...lost))).toBe('wait');
    expect(judge(given(...lost, backing))).toBe('wait');
    expect(judge(given(...lost, backing, visible))).toBe('adopt');
  });

  it.each(['ok', 'app', 'permanent'] as const)('counts as %s', (outcome) => {
    expect(judge(given(...lost, visible), { outcome })).toBe('adopt');
  });

  it.each(['lost', 'drained', 'infra', 'over-cap', 'snoozed'] as const)(
    'is none when its worker made it end as %s',
    (outcome) => {
      expect(judge(given(...lost, visible), { outcome })).toBe('gone');
    },
  );

  it('is refused once its task was granted again, also when that lease has ended (I3)', () => {
    const again = granted(2, 6, 'v');
    expect(judge(given(...lost, joined('v'), visible, again))).toBe('gone');
    expect(judge(given(...lost, joined('v'), visible, again, ended(again, 'app')))).toBe('gone');
    expect(judge(given(...lost, joined('v'), visible, again, ended(again, 'lost')))).toBe('gone');
  });

  it('is refused when its task has ended, was given up or left the queue', () => {
    expect(judge(given(...lost, { type: 'TasksRemoved', ids: [task], why: 'cancelled' }))).toBe('gone');
    expect(judge(given(...lost, { type: 'TaskGivenUp', id: task, p: 0, attempt: 1, category: 'lost' }))).toBe(
      'gone',
    );
  });

  it('is refused under another fence, attempt or worker, and where the attempt was not lost', () => {
    const state = given(...lost, visible);
    expect(judge(state, { fence: 6 })).toBe('gone');
    expect(judge(state, { attempt: 2 })).toBe('gone');
    expect(judge(state, { worker: asWorkerId('v') })).toBe('gone');
    expect(judge(given(...queued, granted(1, 5), ended(granted(1, 5), 'app'), visible))).toBe('gone');
  });

  it('waits until its worker has joined again', () => {
    const gone: DomainEvent = { type: 'WorkerGone', worker, why: 'lost' };
    expect(judge(given(...lost, gone, visible))).toBe('wait');
    expect(judge(given(...lost, gone, visible, joined('w')))).toBe('adopt');
  });

  it('becomes a new lease of its worker that ends at once, and the task is done', () => {
    const state = given(...lost, backing, visible);
    const verdict = judgeLate(state, { task, attempt: 1, fence: 5, worker, outcome: 'ok' });
    if (verdict.kind !== 'adopt') throw new Error(verdict.kind);
    const events = adoptFinish(state, verdict.entry, worker, 9, { outcome: 'ok', result: { n: 1 } });
    expect(events).toEqual([granted(2, 9), { ...endOf(granted(2, 9), { outcome: 'ok', result: { n: 1 } }) }]);
    for (const event of events) state.apply(event, 2_000);
    expect([state.entries.has(task), state.leases.size, state.workers.get(worker)?.free]).toEqual([
      false,
      0,
      { slots: 1 },
    ]);
  });
});
