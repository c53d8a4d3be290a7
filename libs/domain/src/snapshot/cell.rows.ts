import type { TaskId, WorkerId } from '@yardmaster/kernel';
import type { DrainEnd, SchedulingSpec } from '../events/index.js';
import type { CellEntry, CellState, CellWorker, Lease } from '../lease/cell-state.js';
import { HeldLeases } from '../lease/held-leases.js';
import { LEASE_TTL_MS } from '../lease/lease-ttl.js';
import type { SnapshotRow } from './row.js';

/** What is measured, not folded, stays out: health, load, and whether the connection is there. */
export function* cellRows(state: CellState): Generator<SnapshotRow> {
  const classes = new Map<SchedulingSpec, number>();
  for (const [n, spec] of state.classes.entries()) {
    classes.set(spec, n);
    yield { fields: ['class', n, spec] };
  }
  for (const queue of state.paused) yield { fields: ['paused', queue] };
  for (const [queue, ms] of state.queueTtls) yield { fields: ['ttl', queue, ms] };
  for (const { task, order, state: at, attempts, failedOn, lost, alone } of state.entries.values())
    yield {
      fields: [
        'entry',
        [task.id, task.p, task.tenant, task.cls, task.eligibleAt],
        order.seq,
        at,
        attempts,
        failedOn === null ? null : [...failedOn],
        lost === null ? null : [lost.attempt, lost.fence, lost.worker],
        ...(alone ? [true] : []),
      ],
    };
  yield { fields: ['order', state.order] };
  if (state.extendedMs > 0) yield { fields: ['extended', state.extendedMs] };
  for (const w of state.workers.values())
    yield {
      fields: [
        'worker',
        w.id,
        w.name,
        w.kind,
        w.incarnation,
        w.gateway,
        w.capacity,
        w.free,
        w.labels,
        [...w.handlers],
        w.tenant,
        w.cordoned,
        w.leases,
        w.drain === null ? null : [w.drain.forMs, w.drain.onDeadline],
        ...(w.alone === null ? [] : [w.alone]),
      ],
    };
  const holders = new Map<Lease, WorkerId>();
  for (const { id, held } of state.workers.values()) for (const lease of held.all) holders.set(lease, id);
  for (const l of new Set([...state.leases.values(), ...holders.keys(), ...state.toVoid]))
    yield {
      fields: [
        'lease',
        l.task,
        l.p,
        l.tenant,
        l.attempt,
        l.fence,
        l.worker,
        l.spec === null ? null : (classes.get(l.spec) ?? null),
        l.capMs,
        l.grantedAt,
        l.isOrphan,
        state.leases.get(l.task) === l,
        holders.get(l) ?? null,
        state.toVoid.has(l),
        ...(l.ttlMs === LEASE_TTL_MS ? [] : [l.ttlMs]),
      ],
    };
}

/** Reads rows, in their order, into a state that knows nothing yet. */
export class CellRowReader {
  private readonly state: CellState;
  constructor(state: CellState) {
    this.state = state;
  }

  read({ fields: f }: SnapshotRow): void {
    const { state } = this;
    switch (f[0]) {
      case 'class':
        state.classes[f[1] as number] = f[2] as SchedulingSpec;
        return;
      case 'paused':
        state.paused.add(f[1] as string);
        return;
      case 'ttl':
        state.queueTtls.set(f[1] as string, f[2] as number);
        return;
      case 'entry': {
        const [id, p, tenant, cls, eligibleAt] = f[1] as [TaskId, number, number, number, number];
        const failedOn = f[5] as readonly string[] | null;
        const lost = (f[6] ?? null) as readonly [number, number, WorkerId] | null;
        state.putBack(
          { id, p, tenant, cls, eligibleAt },
          {
            order: f[2] as number,
            state: f[3] as Exclude<CellEntry['state'], 'gone'>,
            attempts: f[4] as number,
            failedOn: failedOn === null ? null : new Set(failedOn),
            lost: lost === null ? null : { attempt: lost[0], fence: lost[1], worker: lost[2] },
            alone: f[7] === true,
          },
        );
        return;
      }
      case 'order':
        state.order = f[1] as number;
        return;
      case 'extended':
        state.extendedMs = f[1] as number;
        return;
      case 'worker':
        this.#worker(f);
        return;
      case 'lease':
        this.#lease(f);
    }
  }

  #worker(f: readonly unknown[]): void {
    const { state } = this;
    const drain = (f[13] ?? null) as readonly [number, DrainEnd] | null;
    const worker: CellWorker = {
      id: f[1] as WorkerId,
      index: state.workerList.length,
      name: f[2] as string,
      kind: f[3] as 'agent' | 'sdk',
      incarnation: f[4] as string,
      gateway: f[5] as string,
      capacity: f[6] as Readonly<Record<string, number>>,
      free: f[7] as Record<string, number>,
      labels: f[8] as Readonly<Record<string, string>>,
      handlers: new Set(f[9] as readonly string[]),
      tenant: f[10] as number | null,
      cordoned: f[11] as boolean,
      drain: drain === null ? null : { forMs: drain[0], onDeadline: drain[1] },
      healthy: false,
      isAway: false,
      load: 0,
      leases: f[12] as number,
      held: new HeldLeases(),
      alone: (f[14] ?? null) as TaskId | null,
    };
    state.workers.set(worker.id, worker);
    state.workerList.push(worker);
  }

  #lease(f: readonly unknown[]): void {
    const { state } = this;
    const lease: Lease = {
      task: f[1] as TaskId,
      p: f[2] as number,
      tenant: f[3] as number,
      attempt: f[4] as number,
      fence: f[5] as number,
      worker: f[6] as WorkerId,
      spec: f[7] === null ? null : (state.classes[f[7] as number] ?? null),
      capMs: f[8] as number,
      ttlMs: (f[14] ?? LEASE_TTL_MS) as number,
      grantedAt: f[9] as number,
      isOrphan: f[10] as boolean,
      place: -1,
    };
    if (f[11] === true) state.leases.set(lease.task, lease);
    if (f[12] !== null) state.workers.get(f[12] as WorkerId)?.held.add(lease);
    if (f[13] === true) state.toVoid.add(lease);
  }
}
