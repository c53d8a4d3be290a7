import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SchedulingSpec } from '../events/index.js';
import { defaultRetry } from '../spec/index.js';
import { compareOrder, effectivePriority, orderKey, POINT_MS, type OrderKey } from './order-key.js';
import { OrderedHeap } from './ordered-heap.js';

const T = 1_790_000_000_000;
const spec = (
  priority: number,
  delayToleranceMs: number | null = null,
  capMs = 3_600_000,
  classRank = 2,
): SchedulingSpec => ({
  kind: 'command',
  handler: null,
  resources: {},
  queue: 'default',
  classRank,
  priority,
  strategy: null,
  delayToleranceMs,
  capMs,
  retry: defaultRetry(),
  idempotent: false,
  require: {},
});
const key = fc
  .record({
    priority: fc.nat(1_000),
    at: fc.nat(10_000),
    tolerance: fc.option(fc.nat(5)),
    cap: fc.nat(5),
    rank: fc.nat(4),
    seq: fc.nat(50),
  })
  .map((k): OrderKey => orderKey(spec(k.priority, k.tolerance, k.cap, k.rank), T + k.at, k.seq));

describe('the order of tasks', () => {
  it('is total: antisymmetric and transitive', () => {
    fc.assert(
      fc.property(key, key, key, (a, b, c) => {
        expect(Math.sign(compareOrder(a, b)) + Math.sign(compareOrder(b, a))).toBe(0);
        if (compareOrder(a, b) <= 0 && compareOrder(b, c) <= 0)
          expect(compareOrder(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('agrees at every moment with effective priority, until both are at 1000', () => {
    const task = fc.record({ priority: fc.nat(1_000), at: fc.nat(3_600_000) });
    fc.assert(
      fc.property(task, task, fc.nat(8_000_000), (a, b, wait) => {
        const now = T + 3_600_000 + wait;
        const pa = effectivePriority(a.priority, T + a.at, now);
        const pb = effectivePriority(b.priority, T + b.at, now);
        // Less than a point apart counts as equal.
        if (pa >= 1_000 || pb >= 1_000 || pa - pb < 1) return;
        expect(
          compareOrder(orderKey(spec(a.priority), T + a.at, 2), orderKey(spec(b.priority), T + b.at, 1)),
        ).toBeLessThan(0);
      }),
    );
  });

  it('lets no task that comes after another has reached 1000 go before it', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.nat(1_000), fc.nat(1e7), fc.nat(10), (low, high, late, tolerance) => {
        const reached = T + (1_000 - low) * POINT_MS;
        const waiting = orderKey(spec(low), T, 1);
        const later = orderKey(spec(high, tolerance, 1), reached + POINT_MS + late, 2);
        expect(compareOrder(waiting, later)).toBeLessThan(0);
      }),
    );
  });

  it('serves a low task within a bound under a flood of high ones that never ends', () => {
    fc.assert(
      fc.property(fc.nat(250), fc.integer({ min: 1, max: 20 }), (priority, each) => {
        const heap = new OrderedHeap<OrderKey>(compareOrder);
        const low = orderKey(spec(priority), T, 0);
        heap.push(low);
        const flood = spec(1_000, 0, 1);
        const bound = (1_000 - priority + 2) * each;
        let served = 0;
        // Every point of time `each` come and as many are served, so without ageing low would wait for ever.
        for (let now = T, seq = 1; ; now += POINT_MS) {
          for (let i = 0; i < each; i++) heap.push(orderKey(flood, now, seq++));
          for (let i = 0; i < each; i++) {
            if (heap.pop() === low) return;
            served++;
          }
          expect(served).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('an ordered heap', () => {
  it('gives what a sorted list gives, under any mix of pushes and pops', () => {
    fc.assert(
      fc.property(fc.array(fc.option(key), { maxLength: 200 }), (steps) => {
        const heap = new OrderedHeap<OrderKey>(compareOrder);
        const list: OrderKey[] = [];
        for (const step of steps) {
          if (step !== null) {
            heap.push(step);
            list.push(step);
          } else {
            list.sort(compareOrder);
            const expected = list.shift();
            const popped = heap.pop();
            expect(popped === undefined).toBe(expected === undefined);
            if (popped !== undefined && expected !== undefined) {
              expect(compareOrder(popped, expected)).toBe(0);
            }
          }
          expect(heap.size).toBe(list.length);
        }
      }),
    );
  });
});
