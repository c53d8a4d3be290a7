import type { TaskId } from '@yardmaster/kernel';
import type { SchedulingSpec } from '../events/index.js';
import type { Lane, ReadySet, ReadyTask } from '../ready/ready-set.js';
import type { SnapshotRow } from './row.js';

export function* readyRows(set: ReadySet): Generator<SnapshotRow> {
  for (const [stream, n, spec] of set.specs()) yield { fields: ['spec', stream, n, spec] };
  const lanes = new Map<Lane, number>();
  for (const lane of set.lanes.values()) {
    lanes.set(lane, lanes.size);
    yield { fields: ['lane', lane.tenant, lane.spec] };
  }
  for (const { id, p, lane, dueAt, state, eligibleAt, order } of set.tasks.values())
    yield { fields: ['task', id, p, lanes.get(lane) ?? 0, dueAt, state, eligibleAt, order.seq] };
  for (const id of set.cancelling) yield { fields: ['cancelling', id] };
  yield { fields: ['order', set.order] };
}

/** Reads rows, in their order, into a set that knows nothing yet. */
export class ReadyRowReader {
  private readonly set: ReadySet;
  readonly #lanes: Lane[] = [];

  constructor(set: ReadySet) {
    this.set = set;
  }

  read({ fields: f }: SnapshotRow): void {
    const { set } = this;
    switch (f[0]) {
      case 'spec':
        set.define(f[1] as string, f[2] as number, f[3] as SchedulingSpec);
        return;
      case 'lane':
        this.#lanes.push(set.laneOf(f[2] as SchedulingSpec, f[1] as number));
        return;
      case 'task': {
        const lane = this.#lanes[f[3] as number];
        if (lane === undefined) throw new Error(`a task of the unknown lane ${String(f[3])}`);
        set.putBack(lane, {
          id: f[1] as TaskId,
          p: f[2] as number,
          dueAt: f[4] as number | null,
          state: f[5] as Exclude<ReadyTask['state'], 'gone'>,
          eligibleAt: f[6] as number,
          order: f[7] as number,
        });
        return;
      }
      case 'cancelling':
        set.cancelling.add(f[1] as TaskId);
        return;
      case 'order':
        set.order = f[1] as number;
    }
  }
}
