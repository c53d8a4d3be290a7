import { describe, expect, it } from 'vitest';
import type { PlacementStrategy, SchedulingSpec } from '../events/index.js';
import { defaultRetry } from '../spec/index.js';
import { couldEverRun, filterWorker } from './filter.js';
import { place } from './place.js';
import { scoreWorker } from './score.js';
import type { WorkerView } from './worker-view.js';

const spec = (change: Partial<SchedulingSpec> = {}): SchedulingSpec => ({
  kind: 'script',
  handler: null,
  resources: { cpu: 1_000, memory: 2e9 },
  queue: 'default',
  classRank: 2,
  priority: 500,
  strategy: null,
  delayToleranceMs: null,
  capMs: 60_000,
  retry: defaultRetry(),
  idempotent: false,
  require: {},
  ...change,
});
const worker = (index: number, change: Partial<WorkerView> = {}): WorkerView => ({
  id: `w${index}`,
  index,
  capacity: { cpu: 4_000, memory: 8e9, slots: 10 },
  free: { cpu: 4_000, memory: 8e9, slots: 10 },
  labels: {},
  handlers: new Set<string>(),
  kind: 'agent',
  tenant: null,
  cordoned: false,
  healthy: true,
  load: 0,
  leases: 0,
  ...change,
});
const task = (change: Partial<SchedulingSpec> = {}, avoid?: string[]) =>
  avoid === undefined
    ? { spec: spec(change), tenant: 1 }
    : { spec: spec(change), tenant: 1, avoid: new Set(avoid) };
const chosen = (
  workers: WorkerView[],
  strategy: PlacementStrategy,
  cursor = 0,
  of = task(),
): number | null => {
  const placed = place(of, workers, strategy, cursor);
  return placed.kind === 'placed' ? placed.worker : null;
};

describe('the filter', () => {
  it.each([
    ['unhealthy', worker(0, { healthy: false, cordoned: true }), {}],
    ['cordoned', worker(0, { cordoned: true, tenant: 2 }), {}],
    ['tenant', worker(0, { tenant: 2, kind: 'sdk' }), {}],
    ['runtime', worker(0, { kind: 'sdk' }), { require: { zone: 'a' } }],
    ['runtime', worker(0, { handlers: new Set(['other']) }), { kind: 'handler', handler: 'resize' }],
    ['labels', worker(0, { labels: { zone: 'b' }, free: {} }), { require: { zone: 'a' } }],
    ['labels', worker(0), { require: { constructor: 'x' } }],
    ['resources', worker(0, { free: { cpu: 999, memory: 8e9 } }), {}],
    [null, worker(0, { tenant: 1, labels: { zone: 'a', disk: 'ssd' } }), { require: { zone: 'a' } }],
    [
      null,
      worker(0, { kind: 'sdk', handlers: new Set(['resize']) }),
      { kind: 'handler', handler: 'resize', resources: { slots: 1 } },
    ],
  ] as [string | null, WorkerView, Partial<SchedulingSpec>][])('answers %s', (reason, of, change) => {
    expect(filterWorker(task(change), of)).toBe(reason);
  });
});

describe('a strategy', () => {
  const empty = worker(0);
  const half = worker(1, { free: { cpu: 2_000, memory: 4e9 }, leases: 2 });

  it('packs', () => {
    expect(chosen([empty, half], 'bin-pack')).toBe(1);
    expect(scoreWorker('bin-pack', spec().resources, half, 0)).toBe(0.75);
  });

  it('spreads', () => {
    expect(
      chosen(
        [half, empty].map((w, index) => ({ ...w, index })),
        'spread',
      ),
    ).toBe(1);
  });

  it('goes by measured load too', () => {
    expect(chosen([{ ...empty, load: 0.9 }, half], 'least-loaded')).toBe(1);
    expect(chosen([{ ...empty, load: 0.1 }, half], 'least-loaded')).toBe(0);
  });

  it('goes round', () => {
    const three = [worker(0), worker(1), worker(2)];
    expect([0, 1, 2, 3].map((cursor) => chosen(three, 'round-robin', cursor))).toEqual([0, 1, 2, 0]);
    expect(chosen([worker(0), worker(1, { healthy: false }), worker(2)], 'round-robin', 1)).toBe(2);
  });

  it('is that of the task when it names one', () => {
    expect(chosen([empty, half], 'bin-pack', 0, task({ strategy: 'spread' }))).toBe(0);
  });

  it('tells workers apart for a task that asks for nothing', () => {
    const nothing = task({ resources: {} });
    expect(chosen([empty, half], 'bin-pack', 0, nothing)).toBe(1);
    expect(chosen([empty, half], 'spread', 0, nothing)).toBe(0);
  });
});

describe('placement', () => {
  it('breaks ties by the cursor, then by index', () => {
    const same = [worker(0), worker(1), worker(2)];
    expect([0, 1, 2, 7].map((cursor) => chosen(same, 'bin-pack', cursor))).toEqual([0, 1, 2, 0]);
  });

  it('uses a worker that the task failed on only when no other fits', () => {
    expect(chosen([worker(0), worker(1)], 'bin-pack', 0, task({}, ['w0']))).toBe(1);
    expect(chosen([worker(0), worker(1)], 'bin-pack', 1, task({}, ['w1']))).toBe(0);
    expect(chosen([worker(0), worker(1, { cordoned: true })], 'bin-pack', 0, task({}, ['w0']))).toBe(0);
    expect(chosen([worker(0), worker(1)], 'bin-pack', 1, task({}, ['w0', 'w1']))).toBe(1);
  });

  it('answers with the index of the worker, not its place among those it was given', () => {
    expect(chosen([worker(5), worker(9)], 'spread', 9)).toBe(9);
  });

  it('tells what kept the workers out, and the one that came nearest', () => {
    const workers = [
      worker(0, { healthy: false }),
      worker(1, { free: { cpu: 100, memory: 8e9 } }),
      worker(2, { free: { cpu: 900, memory: 1e9 } }),
      worker(3, { kind: 'sdk' }),
    ];
    expect(place(task(), workers, 'bin-pack', 0)).toEqual({
      kind: 'no-fit',
      reasons: { unhealthy: 1, cordoned: 0, tenant: 0, runtime: 1, labels: 0, resources: 2 },
      best: { worker: 2, dimension: 'memory' },
    });
    expect(place(task(), [], 'bin-pack', 0)).toMatchObject({ kind: 'no-fit', best: null });
  });
});

describe('a task that could never run', () => {
  const agent = {
    kind: 'agent' as const,
    handlers: new Set<string>(),
    tenant: null,
    capacity: { cpu: 2_000, memory: 4e9 },
  };

  it('is told by the dimension that no worker has', () => {
    expect(couldEverRun(spec({ resources: { cpu: 8_000, memory: 1e9 } }), 1, [agent])).toBe('cpu');
    expect(couldEverRun(spec({ resources: { gpu: 500 } }), 1, [agent])).toBe('gpu');
    expect(couldEverRun(spec({ resources: { cpu: 2_000 } }), 1, [agent])).toBeNull();
  });

  it('may wait where no worker of its kind was seen', () => {
    expect(couldEverRun(spec({ resources: { cpu: 8e9 } }), 1, [])).toBeNull();
    expect(
      couldEverRun(spec({ kind: 'handler', handler: 'x', resources: { gpu: 1 } }), 1, [agent]),
    ).toBeNull();
    expect(couldEverRun(spec({ resources: { cpu: 8e9 } }), 1, [{ ...agent, tenant: 2 }])).toBeNull();
    expect(
      couldEverRun(spec({ kind: 'handler', handler: 'x', resources: { gpu: 1 } }), 1, [
        { kind: 'sdk', tenant: null, capacity: {} },
      ]),
    ).toBeNull();
  });

  it('is not refused for what is busy, cordoned or away, only for what is not there', () => {
    expect(couldEverRun(spec(), 1, [worker(0, { free: {}, cordoned: true, healthy: false })])).toBeNull();
  });
});
