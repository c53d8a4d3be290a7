import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlacementStrategy, SchedulingSpec } from '../events/index.js';
import { addInto, fits, subtractFrom } from '../resources/index.js';
import { defaultRetry } from '../spec/index.js';
import { filterWorker } from './filter.js';
import { place } from './place.js';
import { scoreWorker } from './score.js';
import type { WorkerView } from './worker-view.js';

const strategies: PlacementStrategy[] = ['bin-pack', 'spread', 'least-loaded', 'round-robin'];
const strategy = fc.constantFrom(...strategies);
const amounts = fc.record({ cpu: fc.nat(4_000), memory: fc.nat(8), gpu: fc.nat(2) }, { requiredKeys: [] });
const workers = fc
  .array(
    fc.record({
      capacity: amounts,
      used: amounts,
      cordoned: fc.boolean(),
      healthy: fc.boolean(),
      load: fc.double({ min: 0, max: 1, noNaN: true }),
      tenant: fc.option(fc.nat(2)),
    }),
    { maxLength: 12 },
  )
  .map((list) =>
    list.map((w, index): WorkerView => ({
      id: `w${index}`,
      index,
      capacity: w.capacity,
      labels: {},
      handlers: new Set<string>(),
      kind: 'agent',
      leases: 0,
      free: Object.fromEntries(
        Object.entries(w.capacity).map(([k, v]) => [
          k,
          Math.max(0, v - ((w.used as Record<string, number>)[k] ?? 0)),
        ]),
      ),
      cordoned: w.cordoned,
      healthy: w.healthy,
      load: w.load,
      tenant: w.tenant,
    })),
  );
const taskOf = (resources: Record<string, number>) => ({
  tenant: 1,
  spec: {
    kind: 'script',
    handler: null,
    resources,
    queue: 'default',
    classRank: 2,
    priority: 500,
    strategy: null,
    delayToleranceMs: null,
    capMs: 1,
    retry: defaultRetry(),
    idempotent: false,
    require: {},
  } satisfies SchedulingSpec,
});

describe('placement', () => {
  it('places exactly when some worker passes the filter, and then on one of those with the best score', () => {
    fc.assert(
      fc.property(amounts, workers, strategy, fc.nat(15), (demand, list, by, cursor) => {
        const task = taskOf(demand);
        const able = list.filter((w) => filterWorker(task, w) === null);
        const result = place(task, list, by, cursor);
        expect(result.kind).toBe(able.length > 0 ? 'placed' : 'no-fit');
        if (result.kind === 'placed') {
          expect(able.map((w) => w.index)).toContain(result.worker);
          expect(result.score).toBe(
            Math.max(...able.map((w) => scoreWorker(by, task.spec.resources, w, cursor))),
          );
          expect(result.score).toBeGreaterThanOrEqual(0);
          expect(result.score).toBeLessThanOrEqual(1);
        } else {
          expect(Object.values(result.reasons).reduce((a, b) => a + b, 0)).toBe(list.length);
        }
      }),
    );
  });

  it('never books more than there is, and gives the same answer to the same question', () => {
    fc.assert(
      fc.property(fc.array(amounts, { maxLength: 40 }), workers, strategy, (demands, list, by) => {
        const booked = list.map((): Record<string, number> => ({}));
        let cursor = 0;
        for (const demand of demands as Record<string, number>[]) {
          const result = place(taskOf(demand), list, by, cursor);
          expect(place(taskOf(demand), list, by, cursor)).toEqual(result);
          if (result.kind === 'no-fit') continue;
          subtractFrom(list[result.worker]!.free, demand);
          addInto(booked[result.worker]!, demand);
          cursor = result.worker + 1;
        }
        list.forEach((w, i) => expect(fits(booked[i]!, w.capacity)).toBe(true));
      }),
    );
  });
});
