import { asTaskId, asWorkerId } from '@yardmaster/kernel';
import { SPEC } from '@yardmaster/testkit';
import { describe, expect, it } from 'vitest';
import type { DomainEvent, Outcome } from '../events/index.js';
import { cellRows, CellRowReader } from '../snapshot/index.js';
import { endOf, fenceOf, grantOf, placeRound } from './cell.decide.js';
import { CellState } from './cell-state.js';

class Cell {
  state = new CellState();
  #fence = 0;

  constructor(...workers: readonly string[]) {
    this.tell({ type: 'ClassDefined', n: 0, spec: { ...SPEC, handler: 'h', resources: { slots: 1 } } });
    for (const id of workers)
      this.tell({
        type: 'WorkerJoined',
        worker: asWorkerId(id),
        incarnation: 'one',
        kind: 'sdk',
        name: id,
        tenant: null,
        capacity: { slots: 2 },
        handlers: ['h'],
        labels: {},
        gateway: 'g',
      });
    this.healthy();
  }

  healthy(): void {
    for (const worker of this.state.workerList) worker.healthy = true;
  }

  tell(...events: readonly DomainEvent[]): this {
    for (const event of events) this.state.apply(event, 0);
    return this;
  }

  queued(...ids: readonly string[]): this {
    return this.tell({
      type: 'BatchQueued',
      batch: 1,
      batcherEpoch: 1,
      tasks: ids.map((id) => ({ id: asTaskId(id), p: 0, tenant: 1, cls: 0, eligibleAt: 0 })),
    });
  }

  /** `task@worker` of each grant of one round. */
  place(): string[] {
    const grants: string[] = [];
    placeRound(
      this.state,
      'bin-pack',
      { value: 0 },
      (entry, worker) => {
        grants.push(`${entry.task.id}@${worker}`);
        this.tell(grantOf(entry, asWorkerId(worker), fenceOf(1, ++this.#fence), this.state.queueTtls));
      },
      () => undefined,
      100,
    );
    return grants;
  }

  end(id: string, outcome: Outcome): this {
    const lease = this.state.leases.get(asTaskId(id));
    if (lease === undefined) throw new Error(`no lease of ${id}`);
    return this.tell(endOf(lease, { outcome }));
  }

  /** They are tried once, lose their worker, and are to run alone; out of sight until `shown`. */
  suspect(...ids: readonly string[]): this {
    this.queued(...ids).place();
    for (const id of ids)
      this.end(id, 'lost').tell({
        type: 'TaskBackedOff',
        id: asTaskId(id),
        p: 0,
        attempt: 1,
        category: 'lost',
        until: 0,
        alone: true,
      });
    return this;
  }

  shown(...ids: readonly string[]): this {
    return this.tell({ type: 'TasksVisible', ids: ids.map(asTaskId) });
  }

  restored(): this {
    const state = new CellState();
    const reader = new CellRowReader(state);
    for (const row of cellRows(this.state)) reader.read(row);
    this.state = state;
    this.healthy();
    return this;
  }
}

describe('a task that has to run alone', () => {
  it('gets a worker that runs nothing, other than the one that it lost, and keeps it for itself', () => {
    const cell = new Cell('v', 'w');
    cell.suspect('1').shown('1');
    expect(cell.queued('2', '3', '4').place()).toEqual(['1@w', '2@v', '3@v']);
    expect(cell.place()).toEqual([]);
    expect(cell.end('1', 'ok').place()).toEqual(['4@w']);
  });

  it('has a worker emptied for it where none is free, and only one', () => {
    const cell = new Cell('v', 'w');
    cell.suspect('6', '7').queued('3', '4', '5').place();
    cell.shown('6', '7');
    // One of the two has one attempt and gets no second; the other is full.
    expect(cell.queued('8').place()).toEqual([]);
    cell.end('5', 'ok');
    expect(cell.place()).toEqual(['6@w']);
    cell.end('3', 'ok');
    // The second waits for the other to be empty.
    expect(cell.place()).toEqual([]);
    cell.end('4', 'ok');
    expect(cell.place()).toEqual(['7@v']);
    expect(cell.end('6', 'ok').place()).toEqual(['8@w']);
  });

  it('waits while no worker could take it, and keeps nobody else waiting', () => {
    const cell = new Cell('v');
    cell
      .suspect('1')
      .shown('1')
      .tell({ type: 'WorkerCordoned', worker: asWorkerId('v'), cordoned: true });
    expect(cell.queued('2').place()).toEqual([]);
    cell.tell({ type: 'WorkerGone', worker: asWorkerId('v'), why: 'lost' });
    expect(cell.place()).toEqual([]);
  });

  it('leaves its worker to others when it was withdrawn, and is nowhere once it is gone', () => {
    const cell = new Cell('v');
    cell.suspect('1').shown('1').place();
    expect(cell.state.workers.get(asWorkerId('v'))?.alone).toBe('1');
    cell
      .end('1', 'withdrawn')
      .tell({ type: 'TasksRemoved', ids: [asTaskId('1')], why: 'withdrawn' })
      .queued('2');
    expect(cell.place()).toEqual(['2@v']);
    expect(cell.state.alone.size).toBe(0);
  });

  it('is so under a new owner too, while it waits and while it runs', () => {
    const cell = new Cell('v');
    cell.suspect('1').shown('1').restored().queued('2');
    expect(cell.place()).toEqual(['1@v']);
    expect(cell.restored().place()).toEqual([]);
    expect(cell.end('1', 'ok').place()).toEqual(['2@v']);
  });
});
