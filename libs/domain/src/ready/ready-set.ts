import type { TaskId } from '@yardmaster/kernel';
import type { DomainEvent, SchedulingSpec, TaskSubmitted } from '../events/index.js';
import { compareOrder, OrderedHeap, orderKey, type OrderKey } from '../order/index.js';
import { specKey } from '../task/spec-key.js';

export interface ReadyTask {
  readonly id: TaskId;
  readonly p: number;
  readonly tenant: number;
  readonly lane: Lane;
  readonly dueAt: number | null;
  state: 'blocked' | 'scheduled' | 'ready' | 'pushed' | 'queued' | 'backing_off' | 'gone';
  eligibleAt: number;
  order: OrderKey;
}

/** Waiting tasks of one class and tenant, in order. */
export interface Lane {
  readonly spec: SchedulingSpec;
  readonly tenant: number;
  readonly heap: OrderedHeap<ReadyTask>;
  /** Ready, not yet pushed. */
  waiting: number;
  /** Pushed or queued, not ended and not backing off. */
  depth: number;
}

export const runtimeOf = (spec: SchedulingSpec): string =>
  spec.kind === 'handler' ? `handler:${spec.handler ?? ''}` : 'exec';

const byOrder = (a: ReadyTask, b: ReadyTask): number => compareOrder(a.order, b.order);

/** What the batcher knows: every task that waits, by class and tenant, and how many of each are queued. */
export class ReadySet {
  readonly lanes = new Map<string, Lane>();
  readonly tasks = new Map<TaskId, ReadyTask>();
  /** Tasks in the queue or on their way, by tenant. */
  readonly tenantDepth = new Map<number, number>();
  readonly #specs = new Map<string, SchedulingSpec[]>();
  readonly #lanesOf = new Map<SchedulingSpec, Map<number, Lane>>();
  /** How many came in or came back so far. */
  order = 0;
  waiting = 0;

  /** `partition` of the stream that the event came from; -1 for other streams. */
  apply(event: DomainEvent, partition: number, stream: string, at: number): void {
    switch (event.type) {
      case 'SpecDefined':
        this.define(stream, event.n, event.spec);
        return;
      case 'TaskSubmitted':
        this.#submitted(event, partition, stream, at);
        return;
      case 'TasksDue':
        for (const id of event.ids) this.#ready(id, at);
        return;
      case 'TaskSucceeded':
        for (const id of event.released) this.#release(id, at);
        this.#gone(event.id);
        return;
      case 'TaskFailed':
      case 'TaskCancelled':
        this.#gone(event.id);
        for (const id of event.upstreamFailed) this.#gone(id);
        return;
      case 'BatchQueued':
        for (const { id } of event.tasks) {
          const task = this.tasks.get(id);
          if (task === undefined) continue;
          if (task.state === 'ready') this.pushed(task);
          if (task.state === 'pushed') task.state = 'queued';
        }
        return;
      case 'TaskBackedOff':
        this.#rest(event.id, 'queued', 'backing_off', -1);
        return;
      case 'TasksVisible':
        for (const id of event.ids) this.#rest(id, 'backing_off', 'queued', 1);
        return;
      case 'TasksRemoved':
        // A task that its owner ended is gone already. One that is still here was queued, or removed, on the word of what a
        // crash took away, or came back unrun: it waits again.
        for (const id of event.ids) this.#requeue(id);
        return;
      case 'TaskGivenUp':
        this.#gone(event.id);
        return;
      default:
    }
  }

  /** Notes that a task is on its way to the queue. */
  pushed(task: ReadyTask): void {
    task.state = 'pushed';
    task.lane.waiting--;
    this.waiting--;
    this.#depth(task, 1);
  }

  /** The push did not arrive: the task waits again. */
  unpushed(task: ReadyTask): void {
    if (task.state !== 'pushed') return;
    this.#depth(task, -1);
    this.#enqueue(task);
  }

  /** Every class by its stream and its number there. */
  *specs(): IterableIterator<readonly [stream: string, n: number, spec: SchedulingSpec]> {
    for (const [stream, specs] of this.#specs)
      for (const [n, spec] of specs.entries()) yield [stream, n, spec];
  }

  define(stream: string, n: number, spec: SchedulingSpec): void {
    this.#specsOf(stream)[n] = spec;
  }

  /** A task as a snapshot keeps it. */
  putBack(
    lane: Lane,
    {
      order,
      ...kept
    }: Pick<ReadyTask, 'id' | 'p' | 'dueAt' | 'state' | 'eligibleAt'> & {
      readonly order: number;
    },
  ): void {
    const task: ReadyTask = {
      ...kept,
      tenant: lane.tenant,
      lane,
      order: orderKey(lane.spec, kept.eligibleAt, order),
    };
    this.tasks.set(task.id, task);
    if (task.state === 'ready') this.#enqueue(task);
    else if (task.state === 'pushed' || task.state === 'queued') this.#depth(task, 1);
  }

  #specsOf(stream: string): SchedulingSpec[] {
    let specs = this.#specs.get(stream);
    if (specs === undefined) this.#specs.set(stream, (specs = []));
    return specs;
  }

  #submitted(event: TaskSubmitted, partition: number, stream: string, at: number): void {
    const spec = this.#specsOf(stream)[event.spec];
    if (spec === undefined || this.tasks.has(event.id)) return;
    const lane = this.laneOf(spec, event.tenant);
    const eligibleAt = event.dueAt === null ? at : Math.max(at, event.dueAt);
    const task: ReadyTask = {
      id: event.id,
      p: partition,
      tenant: event.tenant,
      lane,
      dueAt: event.dueAt,
      state: 'blocked',
      eligibleAt,
      order: orderKey(spec, eligibleAt, ++this.order),
    };
    this.tasks.set(event.id, task);
    if (event.open > 0) return;
    if (event.dueAt !== null && event.dueAt > at) task.state = 'scheduled';
    else this.#enqueue(task);
  }

  laneOf(spec: SchedulingSpec, tenant: number): Lane {
    // Each stream defines its classes once, so the object is as good as its text, and quicker to look up.
    let ofSpec = this.#lanesOf.get(spec);
    if (ofSpec === undefined) this.#lanesOf.set(spec, (ofSpec = new Map<number, Lane>()));
    let lane = ofSpec.get(tenant);
    if (lane !== undefined) return lane;
    const key = `${String(tenant)} ${specKey(spec)}`;
    lane = this.lanes.get(key);
    if (lane === undefined)
      this.lanes.set(key, (lane = { spec, tenant, heap: new OrderedHeap(byOrder), waiting: 0, depth: 0 }));
    ofSpec.set(tenant, lane);
    return lane;
  }

  #enqueue(task: ReadyTask): void {
    task.state = 'ready';
    task.lane.heap.push(task);
    task.lane.waiting++;
    this.waiting++;
  }

  #release(id: TaskId, at: number): void {
    const task = this.tasks.get(id);
    if (task?.state !== 'blocked') return;
    if (task.dueAt !== null && task.dueAt > at) {
      task.state = 'scheduled';
      return;
    }
    this.#becomeReady(task, at);
  }

  #ready(id: TaskId, at: number): void {
    const task = this.tasks.get(id);
    if (task?.state === 'scheduled') this.#becomeReady(task, at);
  }

  #becomeReady(task: ReadyTask, at: number): void {
    task.eligibleAt = at;
    task.order = orderKey(task.lane.spec, at, ++this.order);
    this.#enqueue(task);
  }

  #gone(id: TaskId): void {
    const task = this.tasks.get(id);
    if (task === undefined) return;
    this.tasks.delete(id);
    if (task.state === 'ready') {
      task.lane.waiting--;
      this.waiting--;
    } else if (task.state === 'pushed' || task.state === 'queued') {
      this.#depth(task, -1);
    }
    task.state = 'gone';
  }

  #requeue(id: TaskId): void {
    const task = this.tasks.get(id);
    if (task === undefined) return;
    if (task.state === 'pushed' || task.state === 'queued') this.#depth(task, -1);
    else if (task.state !== 'backing_off') return;
    this.#enqueue(task);
  }

  #rest(id: TaskId, from: ReadyTask['state'], to: ReadyTask['state'], by: number): void {
    const task = this.tasks.get(id);
    if (task?.state !== from) return;
    task.state = to;
    this.#depth(task, by);
  }

  #depth(task: ReadyTask, by: number): void {
    task.lane.depth += by;
    this.tenantDepth.set(task.tenant, (this.tenantDepth.get(task.tenant) ?? 0) + by);
  }
}

export const isNotReady = (task: ReadyTask): boolean => task.state !== 'ready';
