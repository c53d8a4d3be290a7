import { asTaskId, type TaskId } from '@yardmaster/kernel';
import { describe, expect, it } from 'vitest';
import type { DomainEvent, SchedulingSpec } from '../events/index.js';
import { defaultRetry } from '../spec/index.js';
import { chooseBatch } from './choose-batch.js';
import { ReadySet } from './ready-set.js';

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
const many = (): number => 1_000;

class Batcher {
  readonly set = new ReadySet();
  #specs = 0;

  told(...events: readonly DomainEvent[]): this {
    for (const event of events) this.set.apply(event, 0, 'tasks-0', 1_000);
    return this;
  }

  spec(more: Partial<SchedulingSpec> = {}): number {
    this.told({ type: 'SpecDefined', n: this.#specs, spec: spec(more) });
    return this.#specs++;
  }

  submitted(
    n: number,
    ids: readonly string[],
    more: { tenant?: number; open?: number; dueAt?: number | null } = {},
  ): this {
    return this.told(
      ...ids.map((id): DomainEvent => ({
        type: 'TaskSubmitted',
        id: asTaskId(id),
        tenant: more.tenant ?? 1,
        user: 1,
        spec: n,
        workflow: null,
        index: -1,
        rank: 0,
        parents: [],
        needs: [],
        open: more.open ?? 0,
        dueAt: more.dueAt ?? null,
        claim: null,
        sealed: {
          name: 't',
          key: null,
          labels: null,
          run: { script: null, scriptHash: null, command: null, args: null, env: null, input: null },
        },
      })),
    );
  }

  batch(limit = 100, wanted: (spec: SchedulingSpec, tenant: number) => number = many): string[] {
    return chooseBatch(this.set, wanted, limit).map(({ id }) => id);
  }

  queued(...ids: readonly string[]): this {
    return this.told({
      type: 'BatchQueued',
      batch: 1,
      batcherEpoch: 1,
      tasks: ids.map((id) => ({ id: asTaskId(id), p: 0, tenant: 1, cls: 0, eligibleAt: 0 })),
    });
  }

  removed(why: 'void' | 'cancelled' | 'withdrawn', ...ids: readonly string[]): this {
    return this.told({ type: 'TasksRemoved', ids: ids.map(asTaskId), why });
  }

  ended(id: string, released: readonly string[] = []): this {
    return this.told({
      type: 'TaskSucceeded',
      id: asTaskId(id),
      tenant: 1,
      attempt: 1,
      released: released.map(asTaskId),
      sealed: null,
    });
  }

  stateOf(id: string): string | undefined {
    return this.set.tasks.get(asTaskId(id))?.state;
  }

  get depth(): number[] {
    return [...this.set.lanes.values()].map((lane) => lane.depth);
  }
}

describe('a batch', () => {
  it('takes higher classes first, then higher priority, then the order of submission', () => {
    const b = new Batcher();
    const [normal, high, urgent] = [
      b.spec(),
      b.spec({ priority: 900 }),
      b.spec({ classRank: 3, priority: 1 }),
    ];
    b.submitted(normal, ['1', '2']).submitted(high, ['3']).submitted(urgent, ['4']);
    expect(b.batch()).toEqual(['4', '3', '1', '2']);
    expect([b.batch(), b.set.waiting]).toEqual([[], 0]);
  });

  it('serves the tenant with the fewest queued tasks first', () => {
    const b = new Batcher();
    const n = b.spec();
    b.submitted(n, ['1', '2', '3', '4']).submitted(n, ['5', '6'], { tenant: 2 });
    expect(b.batch(4)).toEqual(['1', '5', '2', '6']);
    expect(b.batch()).toEqual(['3', '4']);
  });

  it('goes no deeper than wanted, but always shows one', () => {
    const b = new Batcher();
    b.submitted(b.spec(), ['1', '2', '3']);
    expect(b.batch(100, () => 2)).toEqual(['1', '2']);
    expect(b.batch(100, () => 2)).toEqual([]);
    b.queued('1', '2').ended('1');
    expect(b.batch(100, () => 2)).toEqual(['3']);
    const shy = new Batcher();
    shy.submitted(shy.spec(), ['1', '2']);
    expect(shy.batch(100, () => 0)).toEqual(['1']);
  });

  it('that did not arrive goes again, in its place', () => {
    const b = new Batcher();
    b.submitted(b.spec(), ['1', '2']);
    expect(b.batch(1)).toEqual(['1']);
    const lost = b.set.tasks.get(asTaskId('1'));
    if (lost !== undefined) b.set.unpushed(lost);
    expect([b.stateOf('1'), b.depth]).toEqual(['ready', [0]]);
    expect(b.batch()).toEqual(['1', '2']);
    b.queued('1');
    if (lost !== undefined) b.set.unpushed(lost);
    expect(b.stateOf('1')).toBe('queued');
  });
});

describe('a task', () => {
  it('that is blocked waits for its release, one due later for its time, one that is both for both', () => {
    const b = new Batcher();
    const n = b.spec();
    b.submitted(n, ['1'])
      .submitted(n, ['2'], { open: 1 })
      .submitted(n, ['3'], { dueAt: 5_000 })
      .submitted(n, ['4'], { open: 1, dueAt: 5_000 });
    expect(b.batch()).toEqual(['1']);
    b.queued('1').ended('1', ['2', '4']);
    expect(b.batch()).toEqual(['2']);
    expect([b.stateOf('3'), b.stateOf('4')]).toEqual(['scheduled', 'scheduled']);
    b.told({ type: 'TasksDue', ids: [asTaskId('3'), asTaskId('4'), asTaskId('404')] });
    expect(b.batch()).toEqual(['3', '4']);
  });

  it('backing off makes room, and takes it again when it is visible', () => {
    const b = new Batcher();
    b.submitted(b.spec(), ['1']).batch();
    b.queued('1').told({
      type: 'TaskBackedOff',
      id: asTaskId('1'),
      p: 0,
      attempt: 1,
      category: 'app',
      until: 9,
    });
    expect([b.stateOf('1'), b.depth]).toEqual(['backing_off', [0]]);
    b.told({ type: 'TasksVisible', ids: [asTaskId('1')] });
    expect([b.stateOf('1'), b.depth]).toEqual(['queued', [1]]);
  });

  it.each(['void', 'withdrawn', 'cancelled'] as const)(
    'that left the queue as %s and is still wanted waits again',
    (why) => {
      const b = new Batcher();
      const n = b.spec();
      b.submitted(n, ['1', '2']).submitted(n, ['3'], { open: 1 }).batch(1);
      b.queued('1', '3').removed(why, '1', '2', '3', '404');
      expect([b.stateOf('1'), b.stateOf('2'), b.stateOf('3'), b.depth]).toEqual([
        'ready',
        'ready',
        'blocked',
        [0],
      ]);
      expect(b.batch()).toEqual(['1', '2']);
      b.ended('1', ['3']);
      expect(b.batch()).toEqual(['3']);
    },
  );

  it('that is being cancelled is not queued again when it leaves the queue', () => {
    const b = new Batcher();
    b.submitted(b.spec(), ['1']).batch(1);
    b.queued('1')
      .told({ type: 'CancelRequested', id: asTaskId('1'), user: 1 })
      .removed('cancelled', '1');
    expect([b.batch(), b.stateOf('1'), b.depth]).toEqual([[], 'blocked', [0]]);
    b.told({ type: 'TaskCancelled', id: asTaskId('1'), tenant: 1, upstreamFailed: [] });
    expect([b.stateOf('1'), b.set.cancelling.size]).toEqual([undefined, 0]);
  });

  it('that ended is forgotten, wherever it was, with what it took down', () => {
    const b = new Batcher();
    const n = b.spec();
    b.submitted(n, ['1', '2', '3', '4']).submitted(n, ['5'], { open: 1 }).batch(2);
    b.queued('1').told(
      {
        type: 'TaskFailed',
        id: asTaskId('1'),
        tenant: 1,
        attempt: 1,
        category: 'app',
        upstreamFailed: [asTaskId('5')],
        sealed: null,
      },
      { type: 'TaskCancelled', id: asTaskId('2'), tenant: 1, upstreamFailed: [] },
      { type: 'TaskCancelled', id: asTaskId('3'), tenant: 1, upstreamFailed: [] },
      { type: 'TaskGivenUp', id: asTaskId('404'), p: 0, attempt: 1, category: 'app' },
    );
    expect([...b.set.tasks.keys()]).toEqual(['4']);
    expect([b.depth, b.set.tenantDepth.get(1), b.set.waiting]).toEqual([[0], 0, 1]);
    expect(b.batch()).toEqual(['4']);
  });

  it('that is queued without having been pushed here counts as queued', () => {
    const b = new Batcher();
    b.submitted(b.spec(), ['1', '2']).queued('1');
    expect([b.stateOf('1'), b.depth, b.set.waiting]).toEqual(['queued', [1], 1]);
    expect(b.batch()).toEqual(['2']);
  });

  it('told twice counts once', () => {
    const b = new Batcher();
    const n = b.spec();
    b.submitted(n, ['1']).submitted(n, ['1']).queued('1').queued('1');
    expect([b.depth, b.set.waiting]).toEqual([[1], 0]);
    const id: TaskId = asTaskId('1');
    b.told(
      { type: 'TaskBackedOff', id, p: 0, attempt: 1, category: 'app', until: 9 },
      { type: 'TaskBackedOff', id, p: 0, attempt: 1, category: 'app', until: 9 },
    );
    expect(b.depth).toEqual([0]);
    b.ended('1').ended('1');
    expect(b.depth).toEqual([0]);
  });
});
