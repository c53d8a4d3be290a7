import type { TaskId, WorkerId } from '@yardmaster/kernel';
import type {
  DomainEvent,
  DrainEnd,
  LeaseEnded,
  LeaseGranted,
  QueuedTask,
  SchedulingSpec,
  WorkerJoined,
} from '../events/index.js';
import { compareOrder, OrderedHeap, orderKey, type OrderKey } from '../order/index.js';
import { addInto, subtractFrom } from '../resources/index.js';
import type { WorkerView } from '../placement/index.js';
import { HeldLeases } from './held-leases.js';
import { LEASE_TTL_MS } from './lease-ttl.js';

export interface CellEntry {
  readonly task: QueuedTask;
  readonly lane: CellLane;
  readonly order: OrderKey;
  /** `out`: backing off, or its attempt just ended; `behind`: queued anew while a lease of it lives on, whose end a crash took away. */
  state: 'visible' | 'leased' | 'out' | 'behind' | 'gone';
  attempts: number;
  failedOn: Set<string> | null;
  /** Its last attempt, when that was lost and none followed yet: it may have finished all the same. */
  lost: LostAttempt | null;
  /** It has lost too many workers: it runs with nothing else on its worker. */
  alone: boolean;
}

/** The attempt of a worker that was not heard of any more. */
export interface LostAttempt {
  readonly attempt: number;
  readonly fence: number;
  readonly worker: WorkerId;
}

/** Visible tasks of one class and tenant, best first. */
export interface CellLane {
  readonly cls: number;
  readonly spec: SchedulingSpec;
  readonly tenant: number;
  readonly heap: OrderedHeap<CellEntry>;
  visible: number;
}

export interface Lease {
  readonly task: TaskId;
  readonly p: number;
  readonly tenant: number;
  readonly attempt: number;
  readonly fence: number;
  readonly worker: WorkerId;
  readonly spec: SchedulingSpec | null;
  readonly capMs: number;
  /** Silence of its worker that ends it, ms. */
  readonly ttlMs: number;
  readonly grantedAt: number;
  /** Its task was not visible when it was granted: what showed it was lost in a crash. */
  readonly isOrphan: boolean;
  /** Among those of its worker; its worker's business. */
  place: number;
}

/** A worker with what it runs; `healthy`, `isAway` and `load` are measured, not folded. */
export interface CellWorker extends WorkerView {
  readonly id: WorkerId;
  index: number;
  name: string;
  kind: 'agent' | 'sdk';
  incarnation: string;
  gateway: string;
  capacity: Readonly<Record<string, number>>;
  free: Record<string, number>;
  labels: Readonly<Record<string, string>>;
  handlers: ReadonlySet<string>;
  tenant: number | null;
  cordoned: boolean;
  /** What is to become of what it still runs; null = nothing is said. */
  drain: { readonly forMs: number; readonly onDeadline: DrainEnd } | null;
  healthy: boolean;
  isAway: boolean;
  load: number;
  leases: number;
  readonly held: HeldLeases;
  /** The task that has it for itself. */
  alone: TaskId | null;
}

const byOrder = (a: CellEntry, b: CellEntry): number => compareOrder(a.order, b.order);

/** Workers, leases and visible tasks of one cell: the fold of its queue and its leases. */
export class CellState {
  readonly classes: SchedulingSpec[] = [];
  readonly lanes = new Map<number, CellLane>();
  readonly entries = new Map<TaskId, CellEntry>();
  /** Visible tasks that want a worker for themselves; in no lane's heap, for what waits behind them could go. */
  readonly alone = new Set<CellEntry>();
  readonly leases = new Map<TaskId, Lease>();
  readonly workers = new Map<WorkerId, CellWorker>();
  /** The same workers, each at its `index`. */
  workerList: CellWorker[] = [];
  readonly paused = new Set<string>();
  /** Lease times of queues that name one, ms. */
  readonly queueTtls = new Map<string, number>();
  /** Live leases whose task left the queue as void: to be ended. */
  readonly toVoid = new Set<Lease>();
  /** Longest of the maintenances under way: leases do not run out for so long from when each was begun; 0 = none. */
  extendedMs = 0;
  /** Something changed that may let a task be placed. */
  dirty = true;
  /** How many were queued so far. */
  order = 0;

  /** True when a queue, or a task that was ever queued, names a lease time. */
  hasLeaseTimes(): boolean {
    return this.queueTtls.size > 0 || this.classes.some(({ leaseTtlMs }) => leaseTtlMs !== undefined);
  }

  apply(event: DomainEvent, at: number): void {
    switch (event.type) {
      case 'ClassDefined':
        this.classes[event.n] = event.spec;
        return;
      case 'BatchQueued':
        for (const task of event.tasks) this.#queued(task);
        this.dirty = true;
        return;
      case 'TasksVisible':
        for (const id of event.ids) {
          const entry = this.entries.get(id);
          if (entry?.state === 'out' && this.leases.get(id)?.isOrphan !== false) this.#show(entry);
        }
        this.dirty = true;
        return;
      case 'TaskBackedOff': {
        // The queue counts attempts: the next one has a number of its own, also after one that never was.
        const entry = this.entries.get(event.id);
        if (entry !== undefined) {
          entry.attempts = Math.max(entry.attempts, event.attempt);
          entry.alone ||= event.alone === true;
        }
        return;
      }
      case 'TasksRemoved':
        for (const id of event.ids) {
          const lease = this.leases.get(id);
          if (event.why === 'void' && lease !== undefined) this.toVoid.add(lease);
          this.#forget(id);
        }
        return;
      case 'TaskGivenUp':
        this.#forget(event.id);
        return;
      case 'QueuePaused':
        if (event.paused) this.paused.add(event.queue);
        else this.paused.delete(event.queue);
        this.dirty = true;
        return;
      case 'QueueLeaseTtlSet':
        if (event.ttlMs === null) this.queueTtls.delete(event.queue);
        else this.queueTtls.set(event.queue, event.ttlMs);
        return;
      case 'WorkerJoined':
        this.#joined(event);
        return;
      case 'WorkerCordoned': {
        const worker = this.workers.get(event.worker);
        if (worker !== undefined) Object.assign(worker, { cordoned: event.cordoned, drain: null });
        this.dirty = true;
        return;
      }
      case 'WorkerDraining': {
        const { forMs, onDeadline } = event;
        const worker = this.workers.get(event.worker);
        if (worker !== undefined) Object.assign(worker, { cordoned: true, drain: { forMs, onDeadline } });
        this.dirty = true;
        return;
      }
      case 'WorkerGone':
        this.workers.delete(event.worker);
        this.#renumber();
        return;
      case 'LeasesExtended':
        this.extendedMs = event.forMs === 0 ? 0 : Math.max(this.extendedMs, event.forMs);
        return;
      case 'LeaseGranted':
        this.#granted(event, at);
        return;
      case 'LeaseEnded':
        this.#ended(event);
        return;
      default:
    }
  }

  /** An entry as a snapshot keeps it. Call in the order of the queue. */
  putBack(
    task: QueuedTask,
    kept: Pick<CellEntry, 'state' | 'attempts' | 'failedOn' | 'lost' | 'alone'> & { readonly order: number },
  ): void {
    const spec = this.classes[task.cls];
    if (spec === undefined) throw new Error(`an entry of the unknown class ${String(task.cls)}`);
    const lane = this.#lane(task.cls, spec, task.tenant);
    const entry: CellEntry = { ...kept, task, lane, order: orderKey(spec, task.eligibleAt, kept.order) };
    this.entries.set(task.id, entry);
    if (entry.state === 'visible') this.#show(entry);
  }

  isIdle(): boolean {
    return this.leases.size === 0;
  }

  #queued(task: QueuedTask): void {
    const spec = this.classes[task.cls];
    if (spec === undefined || this.entries.has(task.id)) return;
    const lane = this.#lane(task.cls, spec, task.tenant);
    const entry: CellEntry = {
      task,
      lane,
      order: orderKey(spec, task.eligibleAt, ++this.order),
      state: 'out',
      attempts: 0,
      failedOn: null,
      lost: null,
      alone: false,
    };
    this.entries.set(task.id, entry);
    const live = this.leases.get(task.id);
    if (live?.isOrphan !== false) {
      this.#show(entry);
      return;
    }
    entry.state = 'behind';
    entry.attempts = live.attempt;
  }

  #lane(cls: number, spec: SchedulingSpec, tenant: number): CellLane {
    // Class and tenant in one number: tenants are counted from 1, classes stay far below 2^20.
    const key = tenant * 0x10_0000 + cls;
    let lane = this.lanes.get(key);
    if (lane === undefined)
      this.lanes.set(key, (lane = { cls, spec, tenant, heap: new OrderedHeap(byOrder), visible: 0 }));
    return lane;
  }

  #show(entry: CellEntry): void {
    entry.state = 'visible';
    if (entry.alone) this.alone.add(entry);
    else entry.lane.heap.push(entry);
    entry.lane.visible++;
  }

  /** Whatever it becomes, it is not to be placed. */
  #hide(entry: CellEntry): void {
    if (entry.state !== 'visible') return;
    entry.lane.visible--;
    if (entry.alone) this.alone.delete(entry);
  }

  #forget(id: TaskId): void {
    const entry = this.entries.get(id);
    if (entry === undefined) return;
    this.#hide(entry);
    entry.state = 'gone';
    this.entries.delete(id);
  }

  #joined(event: WorkerJoined): void {
    const known = this.workers.get(event.worker);
    const held = known?.held ?? new HeldLeases();
    const free: Record<string, number> = { ...event.capacity };
    for (const lease of held.all) if (lease.spec !== null) subtractFrom(free, lease.spec.resources);
    const worker: CellWorker = {
      id: event.worker,
      index: 0,
      name: event.name,
      kind: event.kind,
      incarnation: event.incarnation,
      gateway: event.gateway,
      capacity: event.capacity,
      free,
      labels: event.labels,
      handlers: new Set(event.handlers),
      tenant: event.tenant,
      cordoned: known?.cordoned ?? false,
      drain: known?.drain ?? null,
      healthy: known?.healthy ?? false,
      isAway: known?.isAway ?? false,
      load: 0,
      leases: held.size,
      held,
      alone: known?.alone ?? null,
    };
    this.workers.set(event.worker, worker);
    this.#renumber();
  }

  #renumber(): void {
    this.workerList = [...this.workers.values()];
    this.workerList.forEach((worker, i) => {
      worker.index = i;
    });
    this.dirty = true;
  }

  #granted(event: LeaseGranted, at: number): void {
    const entry = this.entries.get(event.task);
    const spec = this.classes[event.cls] ?? null;
    const lease: Lease = {
      task: event.task,
      p: event.p,
      tenant: event.tenant,
      attempt: event.attempt,
      fence: event.fence,
      worker: event.worker,
      spec,
      capMs: event.capMs,
      ttlMs: event.ttlMs ?? LEASE_TTL_MS,
      grantedAt: at,
      isOrphan: entry?.state !== 'visible',
      place: -1,
    };
    const before = this.leases.get(event.task);
    this.leases.set(event.task, lease);
    if (entry?.state === 'visible') {
      this.#hide(entry);
      entry.state = 'leased';
      entry.attempts = event.attempt;
      entry.lost = null;
    }
    const worker = this.workers.get(event.worker);
    if (worker === undefined) return;
    if (before !== undefined) worker.held.delete(before);
    worker.held.add(lease);
    worker.leases++;
    if (entry?.alone === true) worker.alone = event.task;
    if (spec !== null) subtractFrom(worker.free, spec.resources);
  }

  #ended(event: LeaseEnded): void {
    const lease = this.leases.get(event.task);
    if (lease?.fence !== event.fence || lease.attempt !== event.attempt) return;
    this.leases.delete(event.task);
    this.toVoid.delete(lease);
    this.dirty = true;
    const worker = this.workers.get(lease.worker);
    if (worker?.held.delete(lease) === true) {
      worker.leases--;
      if (worker.alone === event.task) worker.alone = null;
      if (lease.spec !== null) addInto(worker.free, lease.spec.resources);
    }
    const entry = this.entries.get(event.task);
    if (entry === undefined) return;
    if (event.outcome === 'ok') {
      this.#forget(event.task);
      return;
    }
    if (event.outcome === 'void') {
      // It never was: what is queued here came after it, and waits.
      if (entry.state !== 'leased' && entry.state !== 'behind') return;
      entry.attempts = lease.attempt - 1;
      this.#show(entry);
      return;
    }
    if (entry.state === 'behind') {
      // The queue knows nothing of that attempt: what it shows goes now.
      this.#show(entry);
      return;
    }
    this.#hide(entry);
    entry.state = 'out';
    entry.lost =
      event.outcome === 'lost' ? { attempt: lease.attempt, fence: lease.fence, worker: lease.worker } : null;
    // One that its handler put back says nothing against its worker.
    if (event.outcome !== 'snoozed') (entry.failedOn ??= new Set()).add(lease.worker);
  }
}
