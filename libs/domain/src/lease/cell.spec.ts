import { asTaskId, asWorkerId, type TaskId } from '@yardmaster/kernel';
import { describe, expect, it } from 'vitest';
import type { DomainEvent, LeaseGranted, Outcome, SchedulingSpec } from '../events/index.js';
import type { NoFit } from '../placement/index.js';
import { defaultRetry } from '../spec/index.js';
import { endOf, fenceOf, grantOf, placeRound, voidLeases } from './cell.decide.js';
import { LEASE_TTL_MS, parseLeaseTtl } from './lease-ttl.js';
import { CellState, type Lease } from './cell-state.js';

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

class Cell {
  readonly state = new CellState();
  readonly noFits: NoFit[] = [];
  readonly grants: LeaseGranted[] = [];
  #fence = 0;
  #classes = 0;
  #cursor = { value: 0 };

  told(...events: readonly DomainEvent[]): this {
    for (const event of events) this.state.apply(event, 1_000);
    return this;
  }

  class(more: Partial<SchedulingSpec> = {}): number {
    this.told({ type: 'ClassDefined', n: this.#classes, spec: spec(more) });
    return this.#classes++;
  }

  queued(cls: number, ids: readonly string[], tenant = 1, eligibleAt = 0): this {
    return this.told({
      type: 'BatchQueued',
      batch: 1,
      batcherEpoch: 1,
      tasks: ids.map((id) => ({ id: asTaskId(id), p: 0, tenant, cls, eligibleAt })),
    });
  }

  joined(
    id: string,
    slots: number,
    more: Partial<Extract<DomainEvent, { type: 'WorkerJoined' }>> = {},
  ): this {
    this.told({
      type: 'WorkerJoined',
      worker: asWorkerId(id),
      incarnation: 'one',
      kind: 'sdk',
      name: id,
      tenant: null,
      capacity: { slots },
      handlers: ['h'],
      labels: {},
      gateway: 'g',
      ...more,
    });
    const worker = this.state.workers.get(asWorkerId(id));
    if (worker !== undefined) worker.healthy = true;
    return this;
  }

  /** [task, worker] of each grant of one round. */
  place(limit = 100): [string, string][] {
    const grants: [string, string][] = [];
    placeRound(
      this.state,
      'bin-pack',
      this.#cursor,
      (entry, worker) => {
        grants.push([entry.task.id, worker]);
        const grant = grantOf(entry, asWorkerId(worker), fenceOf(1, ++this.#fence), this.state.queueTtls);
        this.grants.push(grant);
        this.told(grant);
      },
      (_, noFit) => {
        this.noFits.push(noFit);
      },
      limit,
    );
    return grants;
  }

  lease(id: string): Lease {
    const lease = this.state.leases.get(asTaskId(id));
    if (lease === undefined) throw new Error(`no lease of ${id}`);
    return lease;
  }

  ended(id: string, outcome: Outcome): this {
    return this.told(endOf(this.lease(id), { outcome }));
  }

  free(id: string): number | undefined {
    return this.state.workers.get(asWorkerId(id))?.free['slots'];
  }
}

const ids = (...of: readonly string[]): TaskId[] => of.map(asTaskId);

describe('placing', () => {
  it('grants the best first, as far as capacity goes, and takes what it grants', () => {
    const cell = new Cell();
    cell.joined('w', 2).queued(cell.class(), ['1', '2', '3']);
    expect(cell.place()).toEqual([
      ['1', 'w'],
      ['2', 'w'],
    ]);
    expect([cell.free('w'), cell.state.leases.size, cell.state.isIdle()]).toEqual([0, 2, false]);
    expect(cell.lease('1')).toMatchObject({
      attempt: 1,
      fence: fenceOf(1, 1),
      worker: 'w',
      capMs: 60_000,
      grantedAt: 1_000,
    });
    expect(cell.noFits[0]?.best).toEqual({ worker: 0, dimension: 'slots' });
    expect(cell.place()).toEqual([]);
    expect(cell.ended('1', 'ok').place()).toEqual([['3', 'w']]);
  });

  it('looks over all classes and tenants for the best, and is not held up by one that fits nowhere', () => {
    const cell = new Cell();
    const wide = cell.class({ resources: { slots: 9 }, priority: 900 });
    const low = cell.class({ priority: 100 });
    const high = cell.class({ priority: 800 });
    cell.joined('w', 2).queued(wide, ['1']).queued(low, ['2']).queued(high, ['3'], 2);
    expect(cell.place()).toEqual([
      ['3', 'w'],
      ['2', 'w'],
    ]);
  });

  it('grants nothing from a paused queue, on a cordoned or silent worker, or for another tenant', () => {
    const cell = new Cell();
    const cls = cell.class();
    cell.joined('w', 5, { tenant: 2 }).queued(cls, ['1']);
    expect(cell.place()).toEqual([]);
    expect(cell.noFits[0]?.reasons).toMatchObject({ tenant: 1 });
    cell.joined('v', 5).told({ type: 'WorkerCordoned', worker: asWorkerId('v'), cordoned: true });
    expect(cell.place()).toEqual([]);
    cell.told(
      { type: 'WorkerCordoned', worker: asWorkerId('v'), cordoned: false },
      { type: 'QueuePaused', queue: 'default', paused: true },
    );
    expect(cell.place()).toEqual([]);
    cell.told({ type: 'QueuePaused', queue: 'default', paused: false });
    const worker = cell.state.workers.get(asWorkerId('v'));
    if (worker !== undefined) worker.healthy = false;
    expect(cell.place()).toEqual([]);
    if (worker !== undefined) worker.healthy = true;
    expect(cell.place()).toEqual([['1', 'v']]);
  });

  it('stops at its limit and goes on in the next round', () => {
    const cell = new Cell();
    cell.joined('w', 9).queued(cell.class(), ['1', '2', '3']);
    expect(cell.place(2)).toHaveLength(2);
    expect(cell.place(2)).toHaveLength(1);
  });

  it('avoids a worker that the task failed on while another fits', () => {
    const cell = new Cell();
    cell.joined('v', 1).joined('w', 1).queued(cell.class(), ['1']);
    const [[, first]] = cell.place() as [[string, string]];
    cell.ended('1', 'app').told({ type: 'TasksVisible', ids: ids('1') });
    expect(cell.place()).toEqual([['1', first === 'v' ? 'w' : 'v']]);
    expect(cell.lease('1').attempt).toBe(2);
    cell.ended('1', 'app').told({ type: 'TasksVisible', ids: ids('1') });
    expect(cell.place()).toHaveLength(1);
  });
});

describe('the time of a lease', () => {
  const ttlAt = (queue: number | null, task?: number): readonly [number, number | undefined] => {
    const cell = new Cell();
    const cls = cell.class(task === undefined ? {} : { leaseTtlMs: task });
    cell.joined('w', 1).told({ type: 'QueueLeaseTtlSet', queue: 'default', ttlMs: queue });
    cell.queued(cls, ['1']).place();
    const granted = cell.grants.at(-1);
    return [cell.lease('1').ttlMs, granted?.ttlMs];
  };

  it("is the task's, else its queue's, else the default, which is not written", () => {
    expect(ttlAt(null)).toEqual([LEASE_TTL_MS, undefined]);
    expect(ttlAt(300_000)).toEqual([300_000, 300_000]);
    expect(ttlAt(300_000, 60_000)).toEqual([60_000, 60_000]);
    expect(ttlAt(300_000, LEASE_TTL_MS)).toEqual([LEASE_TTL_MS, undefined]);
  });

  it('is read from 30 s to 15 min', () => {
    expect(parseLeaseTtl('5m')).toEqual({ ok: true, value: 300_000 });
    expect(parseLeaseTtl('15m')).toMatchObject({ ok: true });
    for (const no of ['29s', '16m', 'soon', 3]) expect(parseLeaseTtl(no)).toMatchObject({ ok: false });
  });
});

describe('the end of a lease', () => {
  it('gives its capacity back, once, and only by its own fence', () => {
    const cell = new Cell();
    cell.joined('w', 1).queued(cell.class(), ['1']).place();
    const lease = cell.lease('1');
    cell.told({ ...endOf(lease, { outcome: 'ok' }), fence: lease.fence + 1 });
    expect(cell.free('w')).toBe(0);
    cell.told(endOf(lease, { outcome: 'app' }), endOf(lease, { outcome: 'app' }));
    expect([cell.free('w'), cell.state.leases.size]).toEqual([1, 0]);
  });

  it('that failed keeps the task out of sight until the queue shows it again', () => {
    const cell = new Cell();
    cell.joined('w', 1).queued(cell.class(), ['1']).place();
    expect(cell.ended('1', 'app').place()).toEqual([]);
    cell.told({ type: 'TasksVisible', ids: ids('1', '404') });
    expect(cell.place()).toEqual([['1', 'w']]);
    // What the queue shows while a lease is live stays out of sight.
    cell.told({ type: 'TasksVisible', ids: ids('1') });
    expect(cell.place()).toEqual([]);
  });

  it('that a crash took away, though not what followed on it, is waited for before the task is granted again', () => {
    for (const outcome of ['lost', 'cancelled', 'void'] as const) {
      const cell = new Cell();
      const cls = cell.class();
      cell.joined('w', 2).queued(cls, ['1']).place();
      cell.told({ type: 'TasksRemoved', ids: ids('1'), why: 'cancelled' }).queued(cls, ['1']);
      expect(cell.place()).toEqual([]);
      expect(cell.ended('1', outcome).place()).toEqual([['1', 'w']]);
      expect(cell.lease('1').attempt).toBe(outcome === 'void' ? 1 : 2);
    }
  });

  it('carries result and error only when there are any', () => {
    const lease: Lease = {
      task: asTaskId('1'),
      p: 0,
      tenant: 1,
      attempt: 1,
      fence: 1,
      worker: asWorkerId('w'),
      spec: null,
      capMs: 1,
      ttlMs: LEASE_TTL_MS,
      grantedAt: 0,
      isOrphan: false,
      place: 0,
    };
    expect(endOf(lease, { outcome: 'ok', result: null, error: null }).sealed).toBeNull();
    expect(endOf(lease, { outcome: 'ok', result: 0 }).sealed).toEqual({ result: 0 });
    expect(endOf(lease, { outcome: 'app', error: 'e' }).sealed).toEqual({ error: 'e' });
  });
});

describe('a task that leaves the queue', () => {
  it('is not placed any more, given up or removed', () => {
    const cell = new Cell();
    cell
      .queued(cell.class(), ['1', '2', '3'])
      .told(
        { type: 'TasksRemoved', ids: ids('1'), why: 'cancelled' },
        { type: 'TaskGivenUp', id: asTaskId('2'), p: 0, attempt: 1, category: 'app' },
      );
    expect(cell.joined('w', 9).place()).toEqual([['3', 'w']]);
  });

  it('as void while it is leased leaves a lease to be ended', () => {
    const cell = new Cell();
    cell.joined('w', 1).queued(cell.class(), ['1']).place();
    const lease = cell.lease('1');
    cell.told({ type: 'TasksRemoved', ids: ids('1'), why: 'void' });
    expect([...cell.state.toVoid]).toEqual([lease]);
    cell.told(endOf(lease, { outcome: 'void' }));
    expect([cell.state.toVoid.size, cell.free('w')]).toEqual([0, 1]);
  });

  it('and comes back is placed as a new one', () => {
    const cell = new Cell();
    const cls = cell.class();
    cell
      .joined('w', 1)
      .queued(cls, ['1'])
      .told({ type: 'TasksRemoved', ids: ids('1'), why: 'void' })
      .queued(cls, ['1']);
    expect(cell.place()).toEqual([['1', 'w']]);
    expect(cell.place()).toEqual([]);
  });
});

describe('a worker', () => {
  it('that comes back keeps its leases; a smaller one runs over until they end', () => {
    const cell = new Cell();
    cell.joined('w', 2).queued(cell.class(), ['1', '2', '3']).place();
    cell.joined('w', 1, { gateway: 'other' });
    expect(cell.free('w')).toBe(-1);
    expect(cell.state.workers.get(asWorkerId('w'))).toMatchObject({ leases: 2, gateway: 'other' });
    expect(cell.ended('1', 'ok').place()).toEqual([]);
    expect(cell.ended('2', 'ok').place()).toEqual([['3', 'w']]);
  });

  it('that was cordoned stays so when it comes back', () => {
    const cell = new Cell();
    cell
      .joined('w', 1)
      .told({ type: 'WorkerCordoned', worker: asWorkerId('w'), cordoned: true })
      .joined('w', 1, { incarnation: 'two' });
    expect(cell.queued(cell.class(), ['1']).place()).toEqual([]);
  });

  it('that is gone takes its place in the list with it', () => {
    const cell = new Cell();
    cell
      .joined('v', 1)
      .joined('w', 1)
      .queued(cell.class(), ['1'])
      .told({ type: 'WorkerGone', worker: asWorkerId('v'), why: 'left' });
    expect(cell.state.workerList.map(({ id, index }) => [id, index])).toEqual([['w', 0]]);
    expect(cell.place()).toEqual([['1', 'w']]);
  });
});

describe('after a restore', () => {
  it('a lease whose task the queue does not hold is void', () => {
    const cell = new Cell();
    const cls = cell.class();
    cell.joined('w', 5).queued(cls, ['1']).place();
    cell.told({
      type: 'LeaseGranted',
      task: asTaskId('9'),
      p: 0,
      tenant: 1,
      cls,
      attempt: 1,
      fence: fenceOf(1, 99),
      worker: asWorkerId('w'),
      capMs: 1,
    });
    expect(voidLeases(cell.state)).toEqual([
      expect.objectContaining({ type: 'LeaseEnded', task: '9', outcome: 'void', sealed: null }),
    ]);
    cell.told(...voidLeases(cell.state));
    expect([cell.free('w'), cell.state.leases.size]).toEqual([4, 1]);
  });

  it('a lease of a task that was not visible is void, and leaves the task to the queue', () => {
    const cell = new Cell();
    const cls = cell.class();
    cell.joined('w', 5).queued(cls, ['1', '2']).place();
    cell.ended('1', 'app').ended('2', 'app');
    // What showed them again was lost in a crash; one of them is shown anew before anybody hears of that.
    for (const id of ['1', '2'])
      cell.told({
        type: 'LeaseGranted',
        task: asTaskId(id),
        p: 0,
        tenant: 1,
        cls,
        attempt: 2,
        fence: fenceOf(1, 99 + Number(id)),
        worker: asWorkerId('w'),
        capMs: 1,
      });
    cell.told({ type: 'TasksVisible', ids: ids('2') });
    cell.told(...voidLeases(cell.state));
    expect([cell.free('w'), cell.state.leases.size]).toEqual([5, 0]);
    expect(cell.place()).toEqual([['2', 'w']]);
    expect(cell.lease('2').attempt).toBe(2);
    expect(cell.told({ type: 'TasksVisible', ids: ids('1') }).place()).toEqual([['1', 'w']]);
    expect(cell.lease('1').attempt).toBe(2);
  });

  it('shows what is queued after its lease turned out never to have been, and counts on from the queue', () => {
    const cell = new Cell();
    cell.joined('w', 1).queued(cell.class(), ['1']);
    cell.place();
    cell.ended('1', 'void');
    expect(cell.free('w')).toBe(1);
    expect(cell.place()).toEqual([['1', 'w']]);
    expect(cell.lease('1').attempt).toBe(1);
    cell
      .ended('1', 'void')
      .told({ type: 'TaskBackedOff', id: asTaskId('1'), p: 0, attempt: 1, category: 'void', until: 0 });
    cell.place();
    expect(cell.lease('1').attempt).toBe(2);
  });

  it('fences of a later owner are above all of an earlier one', () => {
    expect(fenceOf(2, 1)).toBeGreaterThan(fenceOf(1, 0xffff_ffff));
    expect(Number.isSafeInteger(fenceOf(1_000_000, 1))).toBe(true);
  });
});
