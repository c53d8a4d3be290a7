import { chunksOf, type TaskId } from '@yardmaster/kernel';
import type { DomainEvent, SchedulingSpec, TaskSubmitted } from '../events/index.js';
import { compareOrder, OrderedHeap, orderKey, type OrderKey } from '../order/index.js';
import { PackedMap } from '../packed/index.js';
import { specKey } from '../task/spec-key.js';
import { PackedReady } from './packed-ready.js';

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
  /** More of the same, packed, by the first of each. */
  packed: PackedReady[];
  /** Ready, not yet pushed. */
  waiting: number;
  /** Pushed or queued, not ended and not backing off. */
  depth: number;
}

export const runtimeOf = (spec: SchedulingSpec): string =>
  spec.kind === 'handler' ? `handler:${spec.handler ?? ''}` : 'exec';

const byOrder = (a: ReadyTask, b: ReadyTask): number => compareOrder(a.order, b.order);

/** Ready tasks that stay unpacked: more than any burst that is worked off at once. */
const UNPACKED = 65_536;
/** A look whether there are more is due whenever so many came in. */
const LOOK_EVERY = 2_048;
/** Packed, and unpacked, at once. */
const PACK_ROWS = 8_192;
const UNPACK_ROWS = 1_024;
/** A lane with fewer ready tasks is not worth a block. */
const LEAST_QUEUED = 1_024;

/** What the batcher knows: every task that waits, by class and tenant, and how many of each are queued. */
export class ReadySet {
  readonly lanes = new Map<string, Lane>();
  /** Those that will not be wanted soon lie packed: a million of them fit. */
  readonly tasks = new PackedMap<ReadyTask>((task) => {
    if (task.state !== 'ready') return;
    this.#packedReady--;
    task.lane.heap.push(task);
  });
  /** Tasks in the queue or on their way, by tenant. */
  readonly tenantDepth = new Map<number, number>();
  /** Asked to be cancelled, and not ended yet: not queued again. */
  readonly cancelling = new Set<TaskId>();
  readonly #specs = new Map<string, SchedulingSpec[]>();
  readonly #lanesOf = new Map<SchedulingSpec, Map<number, Lane>>();
  /** How many came in or came back so far. */
  order = 0;
  waiting = 0;
  #cameIn = 0;
  #packedReady = 0;
  /** Scheduled, not yet packed. */
  #scheduled: ReadyTask[] = [];

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
      case 'CancelRequested':
        if (this.tasks.has(event.id)) this.cancelling.add(event.id);
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

  /** The first of a lane that is ready; still in it. */
  first(lane: Lane): ReadyTask | undefined {
    // Those that come in stand behind the packed ones in the same heap, so it has a first one while they wait.
    for (let block = lane.packed[0]; block !== undefined; block = lane.packed[0]) {
      const key = block.first();
      const head = lane.heap.peek(isNotReady);
      if (key === null) lane.packed.shift();
      else if (head !== undefined && compareOrder(head.order, key) <= 0) return head;
      else {
        for (const row of block.firstRows(UNPACK_ROWS)) this.tasks.unpack(block, row);
        this.#byFirst(lane);
      }
    }
    return lane.heap.peek(isNotReady);
  }

  /** The same, taken out of its lane. */
  takeFirst(lane: Lane): ReadyTask | undefined {
    if (lane.packed.length > 0) this.first(lane);
    return lane.heap.pop(isNotReady);
  }

  /**
   * Packs much of the longest lane, but none of those that go next. Where they stand in order, the last are left too: others
   * follow on them. Those of several partitions that are read one after the other do not stand so.
   */
  packReady({ queued = LEAST_QUEUED, rows = PACK_ROWS } = {}): void {
    const lengthOf = ({ heap }: Lane): number => Math.max(heap.queued, heap.heaped);
    let longest: Lane | null = null;
    for (const lane of this.lanes.values())
      if (lengthOf(lane) >= Math.max(queued, longest === null ? 0 : lengthOf(longest))) longest = lane;
    if (longest === null) return;
    const { heap } = longest;
    const tasks =
      heap.heaped > heap.queued
        ? heap.cutHeaped(Math.floor(heap.heaped / 4))
        : heap.cut(Math.floor(heap.queued / 4), Math.min(rows, Math.ceil(heap.queued / 2)));
    for (const part of chunksOf(tasks, rows)) {
      const block = this.#pack(part, 'ready');
      if (block === null) continue;
      this.#packedReady += block.left;
      longest.packed.push(block);
    }
    this.#byFirst(longest);
  }

  /** Packs what is scheduled: nothing is asked of it before it falls due. */
  packScheduled(): void {
    const tasks = this.#scheduled;
    this.#scheduled = [];
    this.#pack(tasks, 'scheduled');
  }

  /** What is gone, and what stands here twice, is left out. */
  #pack(tasks: readonly ReadyTask[], state: 'ready' | 'scheduled'): PackedReady | null {
    const here = [...new Set(tasks)].filter((task) => task.state === state && this.tasks.owns(task));
    if (here.length === 0) return null;
    const block = new PackedReady(here, state);
    this.tasks.pack(block);
    // Whatever still holds one of them drops it.
    for (const task of here) task.state = 'gone';
    return block;
  }

  #byFirst(lane: Lane): void {
    const keys = new Map(lane.packed.map((block) => [block, block.first()]));
    lane.packed = lane.packed
      .filter((block) => keys.get(block) !== null)
      .sort((a, b) => compareOrder(keys.get(a)!, keys.get(b)!));
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
    else if (task.state === 'scheduled') this.#schedule(task);
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
    if (event.dueAt !== null && event.dueAt > at) this.#schedule(task);
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
      this.lanes.set(
        key,
        (lane = { spec, tenant, heap: new OrderedHeap(byOrder), packed: [], waiting: 0, depth: 0 }),
      );
    ofSpec.set(tenant, lane);
    return lane;
  }

  #enqueue(task: ReadyTask): void {
    task.state = 'ready';
    task.lane.heap.push(task);
    task.lane.waiting++;
    this.waiting++;
    if (++this.#cameIn < LOOK_EVERY) return;
    this.#cameIn = 0;
    if (this.waiting - this.#packedReady > UNPACKED) this.packReady();
  }

  #schedule(task: ReadyTask): void {
    task.state = 'scheduled';
    if (this.#scheduled.push(task) >= PACK_ROWS) this.packScheduled();
  }

  #release(id: TaskId, at: number): void {
    const task = this.tasks.get(id);
    if (task?.state !== 'blocked') return;
    if (task.dueAt !== null && task.dueAt > at) this.#schedule(task);
    else this.#becomeReady(task, at);
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
    this.cancelling.delete(id);
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
    // Its owner ends it in a moment: pushed once more, it would be granted in vain.
    if (this.cancelling.has(id)) task.state = 'blocked';
    else this.#enqueue(task);
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
