import { chunksOf, type TaskId, type WorkerId } from '@yardmaster/kernel';
import type { Outcome, SchedulingSpec } from '../events/index.js';
import type { QueueEntry, QueueState } from '../queue/queue-state.js';
import { specKey } from '../task/spec-key.js';
import { IDS_IN_ROW, type SnapshotRow } from './row.js';

export function* queueRows(state: QueueState): Generator<SnapshotRow> {
  for (const [n, spec] of state.classes.entries()) yield { fields: ['class', n, spec] };
  yield { fields: ['batches', state.batches, state.batcherEpoch] };
  for (const queue of state.paused) yield { fields: ['paused', queue] };
  for (const [queue, ms] of state.leaseTtls) yield { fields: ['ttl', queue, ms] };
  for (const e of state.entries.values())
    yield {
      fields: [
        'entry',
        [e.task.id, e.task.p, e.task.tenant, e.task.cls, e.task.eligibleAt],
        e.state,
        e.attempt,
        e.countedAttempt,
        e.counted,
        e.infra,
        e.until,
        e.failure,
        e.retryAfterMs,
        state.toDecide.has(e),
        state.backingOff.has(e),
        ...(e.losses === null && !e.alone ? [] : [e.losses, e.alone]),
      ],
    };
  for (const part of chunksOf(state.workerLosses, IDS_IN_ROW))
    yield { fields: ['lost', part.map(({ worker, at }) => [worker, at])] };
  for (const [queue, { visible, leased, backingOff }] of state.depths)
    yield { fields: ['depth', queue, visible, leased, backingOff] };
  for (const part of chunksOf([...state.toRemove], IDS_IN_ROW)) yield { fields: ['remove', part] };
  // While it is folded from the log: tasks that were ready. An owner, who has looked at them, has none.
  if (state.audit === null) yield { fields: ['audited'] };
  else for (const part of chunksOf([...state.audit], IDS_IN_ROW)) yield { fields: ['ready', part] };
}

/** Reads rows, in their order, into a state that knows nothing yet. */
export class QueueRowReader {
  private readonly state: QueueState;
  constructor(state: QueueState) {
    this.state = state;
  }

  read({ fields: f }: SnapshotRow): void {
    const { state } = this;
    switch (f[0]) {
      case 'class': {
        const spec = f[2] as SchedulingSpec;
        state.classes[f[1] as number] = spec;
        state.classNumbers.set(specKey(spec), f[1] as number);
        return;
      }
      case 'batches':
        state.batches = f[1] as number;
        state.batcherEpoch = f[2] as number;
        return;
      case 'paused':
        state.paused.add(f[1] as string);
        return;
      case 'ttl':
        state.leaseTtls.set(f[1] as string, f[2] as number);
        return;
      case 'entry':
        this.#entry(f);
        return;
      case 'lost':
        for (const [worker, at] of f[1] as readonly (readonly [WorkerId, number])[])
          state.workerLosses.push({ worker, at });
        return;
      case 'depth':
        state.depths.set(f[1] as string, {
          visible: f[2] as number,
          leased: f[3] as number,
          backingOff: f[4] as number,
        });
        return;
      case 'remove':
        for (const id of f[1] as readonly TaskId[]) state.toRemove.add(id);
        return;
      case 'ready':
        for (const id of f[1] as readonly TaskId[]) state.audit?.add(id);
        return;
      case 'audited':
        state.audit = null;
    }
  }

  #entry(f: readonly unknown[]): void {
    const { state } = this;
    const [id, p, tenant, cls, eligibleAt] = f[1] as [TaskId, number, number, number, number];
    const spec = state.classes[cls];
    if (spec === undefined) throw new Error(`an entry of the unknown class ${String(cls)}`);
    const entry: QueueEntry = {
      task: { id, p, tenant, cls, eligibleAt },
      spec,
      state: f[2] as QueueEntry['state'],
      attempt: f[3] as number,
      countedAttempt: f[4] as number,
      counted: f[5] as number,
      infra: f[6] as number,
      until: f[7] as number,
      failure: f[8] as Outcome | null,
      retryAfterMs: f[9] as number,
      losses: (f[12] ?? null) as number[] | null,
      alone: f[13] === true,
    };
    state.entries.set(id, entry);
    if (f[10] === true) state.toDecide.add(entry);
    if (f[11] === true) state.backingOff.add(entry);
  }
}
