import {
  commands,
  followedBy,
  snapshotForms,
  streams,
  type BatcherCommand,
  type Credit,
  type QueueCommand,
  type Reply,
  type WhyPart,
} from '@yardmaster/contracts';
import {
  chooseBatch,
  type DomainEvent,
  ReadySet,
  type ReadyTask,
  runtimeOf,
  type SchedulingSpec,
} from '@yardmaster/domain';
import type { TaskId } from '@yardmaster/kernel';
import type { CommandHandlers, EventOrigin, Role, RoleContext } from '@yardmaster/service-kit';
import { readCredit } from './read-credit.js';

/** A pushed task that is not in the queue by then is pushed again. */
const PUSH_LOST_MS = 1_000;
/** Tasks in one push. */
const MAX_PUSH = 2_000;
/** Wanted depth of a class while the resource manager has said nothing of it. */
const UNKNOWN_DEPTH = 64;

/**
 * Orders what is ready and pushes the top K to the queue manager, as far as the resource manager's credit goes. Has no
 * stream: state is rebuilt from the tasks' and the queue's, and the queue manager refuses an older batcher's epoch.
 */
export class BatcherRole implements Role {
  readonly name = 'batcher/main';
  readonly stream = null;
  readonly follows: readonly string[];
  readonly set = new ReadySet();
  readonly snapshot = snapshotForms.ready(this.set);
  readonly serves: CommandHandlers;
  readonly #partitions: ReadonlyMap<string, number>;
  #credit: Credit = {};
  #inFlight: { at: number; tasks: readonly ReadyTask[] }[] = [];
  #dirty = true;

  constructor(partitions: number) {
    this.#partitions = new Map(Array.from({ length: partitions }, (_, p) => [streams.tasks(p), p]));
    this.follows = followedBy.batcher(partitions);
    this.serves = { [commands.batcher()]: (body: BatcherCommand) => this.#handle(body) };
  }

  apply(event: DomainEvent, from: EventOrigin): void {
    this.set.apply(event, this.#partitions.get(from.stream) ?? -1, from.stream, from.at);
    this.#dirty = true;
  }

  advance(ctx: RoleContext): void {
    const now = ctx.now();
    this.#takeBackLost(now);
    if (!this.#dirty) return;
    this.#dirty = false;
    for (;;) {
      const batch = chooseBatch(this.set, (spec, tenant) => this.#wanted(spec, tenant), MAX_PUSH);
      if (batch.length === 0) return;
      this.#inFlight.push({ at: now, tasks: batch });
      ctx.wakeAt(now + PUSH_LOST_MS);
      ctx.tell(commands.queue(), pushOf(batch, ctx.epoch));
    }
  }

  #takeBackLost(now: number): void {
    for (let first = this.#inFlight[0]; first !== undefined; first = this.#inFlight[0]) {
      // One of the future was pushed before the clock was set back.
      if (first.at <= now && now < first.at + PUSH_LOST_MS) return;
      this.#inFlight.shift();
      for (const task of first.tasks) {
        if (task.state !== 'pushed') continue;
        this.set.unpushed(task);
        this.#dirty = true;
      }
    }
  }

  /** Twice what the workers of its runtime can hold at once, so that they never wait for a push. */
  #wanted(spec: SchedulingSpec, tenant: number): number {
    const offers = this.#credit[runtimeOf(spec)];
    if (offers === undefined) return UNKNOWN_DEPTH;
    let fit = 0;
    for (const { total, tenant: only, workers = 1 } of offers) {
      if (only !== null && only !== tenant) continue;
      let n = 10_000;
      for (const name in spec.resources) {
        const amount = spec.resources[name] ?? 0;
        if (amount > 0) n = Math.min(n, Math.floor((total[name] ?? 0) / amount));
      }
      fit += n * workers;
    }
    return 2 * fit + UNKNOWN_DEPTH;
  }

  #handle(command: BatcherCommand): Reply<unknown> {
    if (command.op === 'credit') {
      this.#credit = readCredit(command.credit);
      this.#dirty = true;
      return { ok: true, value: null };
    }
    if (command.op === 'depths') {
      const depths: Record<string, number> = {};
      for (const lane of this.set.lanes.values())
        depths[lane.spec.queue] = (depths[lane.spec.queue] ?? 0) + lane.waiting;
      return { ok: true, value: depths };
    }
    const task = this.set.tasks.get(command.id as TaskId);
    if (task?.state !== 'ready') return { ok: true, value: null };
    const part: WhyPart = {
      reason: 'awaiting-batch',
      detail: `${String(task.lane.depth)} tasks of its class are already queued, ${String(task.lane.waiting)} wait as it does`,
    };
    return { ok: true, value: part };
  }
}

function pushOf(batch: readonly ReadyTask[], batcherEpoch: number): QueueCommand {
  const specs: SchedulingSpec[] = [];
  const numbers = new Map<SchedulingSpec, number>();
  const tasks = batch.map((t) => {
    let n = numbers.get(t.lane.spec);
    if (n === undefined) {
      numbers.set(t.lane.spec, (n = specs.length));
      specs.push(t.lane.spec);
    }
    return { id: t.id, p: t.p, tenant: t.tenant, spec: n, eligibleAt: t.eligibleAt };
  });
  return { op: 'push', batcherEpoch, specs, tasks };
}
