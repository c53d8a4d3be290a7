import { asTaskId } from '@yardmaster/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DomainEvent, SchedulingSpec } from '../events/index.js';
import { ReadyRowReader, readyRows } from '../snapshot/ready.rows.js';
import { defaultRetry } from '../spec/index.js';
import { chooseBatch } from './choose-batch.js';
import { ReadySet, type ReadyTask } from './ready-set.js';

const spec = (priority: number): SchedulingSpec => ({
  kind: 'handler',
  handler: 'h',
  resources: { slots: 1 },
  queue: 'default',
  classRank: 2,
  priority,
  strategy: null,
  delayToleranceMs: priority === 500 ? 60_000 : null,
  capMs: 60_000,
  retry: defaultRetry(),
  idempotent: false,
  require: {},
});
const PRIORITIES = [500, 510, 900];
const content = {
  name: 't',
  key: null,
  labels: null,
  run: { script: null, scriptHash: null, command: null, args: null, env: null, input: null },
};

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      spec: fc.nat(PRIORITIES.length - 1),
      tenant: fc.integer({ min: 1, max: 2 }),
      count: fc.integer({ min: 1, max: 6 }),
      dueInMs: fc.option(fc.nat(5_000), { freq: 3 }),
      isBlocked: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('due' as const), nth: fc.nat(60) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), nth: fc.nat(60) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), nth: fc.nat(60) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('push' as const),
      limit: fc.integer({ min: 1, max: 8 }),
      arrives: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), nth: fc.nat(60) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(20_000) }) },
);

/** Two sets that are told the same; one packs. */
class Both {
  readonly plain = new ReadySet();
  packing = new ReadySet();
  readonly ids: string[] = [];
  now = 1_790_000_000_000;

  constructor() {
    for (const [n, priority] of PRIORITIES.entries())
      this.told({ type: 'SpecDefined', n, spec: spec(priority) });
  }

  told(event: DomainEvent): void {
    for (const set of [this.plain, this.packing]) set.apply(event, 3, 'tasks-3', this.now);
  }

  nth(n: number): ReturnType<typeof asTaskId> {
    return asTaskId(this.ids[n % Math.max(1, this.ids.length)] ?? '1');
  }

  pushed(limit: number): [ReadyTask[], ReadyTask[]] {
    return [chooseBatch(this.plain, () => 1_000, limit), chooseBatch(this.packing, () => 1_000, limit)];
  }

  /** The packing one, as a snapshot gives it back. */
  restored(): ReadySet {
    const set = new ReadySet();
    const reader = new ReadyRowReader(set);
    for (const row of readyRows(this.packing)) reader.read(row);
    return set;
  }
}

const shown = (set: ReadySet): unknown => [
  set.waiting,
  set.tasks.size,
  [...set.tasks.values()].map(({ lane, ...task }) => [task.id, { ...task, lane: lane.spec.priority }]).sort(),
  [...set.lanes].map(([key, { waiting, depth }]) => [key, waiting, depth]).sort(),
  [...set.tenantDepth].filter(([, depth]) => depth !== 0).sort(),
];

describe('a ready set that packs', () => {
  it('gives the same tasks in the same order as one that does not, and as one made of its snapshot', () => {
    let packed = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(step, fc.constantFrom(0, 1, 2, 3)), { minLength: 5, maxLength: 80 }),
        (steps) => {
          const both = new Both();
          for (const [one, packs] of steps) {
            if (one.do === 'submit') {
              for (let i = 0; i < one.count; i++) {
                const id = String(400_000_000_000_000_000n + BigInt(both.ids.length) * 3n);
                both.ids.push(id);
                both.told({
                  type: 'TaskSubmitted',
                  id: asTaskId(id),
                  tenant: one.tenant,
                  user: 1,
                  spec: one.spec,
                  workflow: null,
                  index: -1,
                  rank: 0,
                  parents: [],
                  needs: [],
                  open: one.isBlocked ? 1 : 0,
                  dueAt: one.dueInMs === null ? null : both.now + one.dueInMs,
                  claim: null,
                  sealed: content,
                });
              }
            } else if (one.do === 'due') both.told({ type: 'TasksDue', ids: [both.nth(one.nth)] });
            else if (one.do === 'cancel')
              both.told({ type: 'TaskCancelled', id: both.nth(one.nth), tenant: 1, upstreamFailed: [] });
            else if (one.do === 'release')
              both.told({
                type: 'TaskSucceeded',
                id: asTaskId('1'),
                tenant: 1,
                attempt: 1,
                released: [both.nth(one.nth)],
                sealed: null,
              });
            else if (one.do === 'remove')
              both.told({ type: 'TasksRemoved', ids: [both.nth(one.nth)], why: 'void' });
            else if (one.do === 'pass') both.now += one.ms;
            else {
              const [a, b] = both.pushed(one.limit);
              expect(b.map(({ id }) => id)).toEqual(a.map(({ id }) => id));
              if (one.arrives)
                both.told({
                  type: 'BatchQueued',
                  batch: 1,
                  batcherEpoch: 1,
                  tasks: a.map(({ id }) => ({ id, p: 3, tenant: 1, cls: 0, eligibleAt: 0 })),
                });
              else {
                for (const task of a) both.plain.unpushed(task);
                for (const task of b) both.packing.unpushed(task);
              }
            }
            if (packs % 2 === 1) both.packing.packReady({ queued: 1, rows: 4 });
            if (packs >= 2) both.packing.packScheduled();
            packed += both.packing.tasks.packed;
            expect(shown(both.packing)).toEqual(shown(both.plain));
          }
          const restored = both.restored();
          expect(shown(restored)).toEqual(shown(both.plain));
          const rest = chooseBatch(both.plain, () => 1_000, 1_000).map(({ id }) => id);
          expect(chooseBatch(both.packing, () => 1_000, 1_000).map(({ id }) => id)).toEqual(rest);
          expect(chooseBatch(restored, () => 1_000, 1_000).map(({ id }) => id)).toEqual(rest);
        },
      ),
      { numRuns: 300 },
    );
    expect(packed).toBeGreaterThan(1_000);
  });
});
