import {
  commands,
  followedBy,
  LEASE_TTL_MS,
  levelTooLow,
  snapshotForms,
  streams,
  type QueueCommand,
  type QueueView,
  type Reply,
  type WhyPart,
} from '@yardmaster/contracts';
import {
  decideFailure,
  decidePush,
  decideRemove,
  decideVisible,
  type DomainEvent,
  endAudit,
  evolveQueue,
  nextVisible,
  type Push,
  QUEUES,
  QueueState,
  specKey,
} from '@yardmaster/domain';
import type { TaskId } from '@yardmaster/kernel';
import type { CommandHandlers, EventOrigin, Role, RoleContext } from '@yardmaster/service-kit';
import { EntryAudit } from './queue-audit.js';

/**
 * Owner of the cell's queues: keeps each queued task until it succeeds or is given up, counts its attempts and says when it is
 * visible again. Follows the leases (granted, ended) and the tasks (ended by their owner).
 */
export class QueueRole implements Role {
  readonly name = 'queue/main';
  readonly stream = streams.queue();
  readonly follows: readonly string[];
  readonly state = new QueueState();
  readonly snapshot = snapshotForms.queue(this.state);
  readonly serves: CommandHandlers;
  readonly #audit = new EntryAudit(this.state);
  #dirty = true;

  constructor(partitions: number) {
    this.follows = followedBy.queue(partitions);
    this.serves = { [commands.queue()]: (body: QueueCommand, ctx) => this.#handle(body, ctx) };
  }

  apply(event: DomainEvent, from: EventOrigin): void {
    evolveQueue(this.state, event, specKey, from.at);
    this.#dirty = true;
  }

  /** What was queued on the word of a submission that a crash took away leaves the queue, uncounted. */
  takeOver(ctx: RoleContext): void {
    const ids = endAudit(this.state);
    if (ids.length > 0) ctx.commit(decideRemove(ids, 'void'));
  }

  advance(ctx: RoleContext): void {
    if (this.#dirty) {
      this.#dirty = false;
      this.#decideFailures(ctx);
      this.#removeEnded(ctx);
    }
    if (this.state.backingOff.size === 0) return;
    const visible = decideVisible(this.state, ctx.now());
    if (visible.length > 0) ctx.commit(visible);
    ctx.wakeAt(nextVisible(this.state));
  }

  #decideFailures(ctx: RoleContext): void {
    for (const entry of this.state.toDecide) {
      this.state.toDecide.delete(entry);
      if (this.state.toRemove.has(entry.task.id)) {
        // Its owner has ended it: how this attempt went changes nothing.
        ctx.commit([{ type: 'TasksRemoved', ids: [entry.task.id], why: 'cancelled' }]);
        continue;
      }
      const losses = ctx.level < 2 ? null : this.state.workerLosses;
      const event = decideFailure(entry, ctx.now(), ctx.random(), losses);
      if (event !== null) ctx.commit([event]);
    }
  }

  /** Cancelled while queued: a leased one leaves when its lease ends. */
  #removeEnded(ctx: RoleContext): void {
    if (this.state.toRemove.size === 0) return;
    const ids: TaskId[] = [];
    for (const id of this.state.toRemove) if (this.state.entries.get(id)?.state !== 'leased') ids.push(id);
    if (ids.length > 0) ctx.commit(decideRemove(ids, 'cancelled'));
  }

  #handle(command: QueueCommand, ctx: RoleContext): Promise<Reply<unknown>> | Reply<unknown> {
    switch (command.op) {
      case 'push': {
        const events = decidePush(this.state, asFarAsKnown(command, ctx), specKey);
        if (events.length > 0) ctx.commit(events);
        return { ok: true, value: null };
      }
      case 'audit': {
        const value = this.#audit.answer(command);
        return new Promise((resolve) => {
          ctx.effect(() => {
            resolve({ ok: true, value });
          });
        });
      }
      case 'list':
        return { ok: true, value: this.#views() };
      case 'pause':
        return this.#change({ type: 'QueuePaused', queue: command.queue, paused: command.paused }, ctx);
      case 'set-lease-ttl':
        if (ctx.level < 2)
          return { ok: false, rejection: levelTooLow('a lease time of a queue', 2, ctx.level) };
        return this.#change({ type: 'QueueLeaseTtlSet', queue: command.queue, ttlMs: command.ttlMs }, ctx);
      case 'why':
        return { ok: true, value: this.#why(command.id as TaskId) };
      default:
        return { ok: true, value: null };
    }
  }

  /** Shows the queue as it is then. */
  #change(
    event: Extract<DomainEvent, { type: 'QueuePaused' | 'QueueLeaseTtlSet' }>,
    ctx: RoleContext,
  ): Promise<Reply<QueueView | null>> {
    return new Promise((resolve) => {
      ctx.commit([event], () => {
        resolve({ ok: true, value: this.#views().find(({ name }) => name === event.queue) ?? null });
      });
    });
  }

  #why(id: TaskId): WhyPart | null {
    const entry = this.state.entries.get(id);
    if (entry === undefined) return null;
    if (this.state.paused.has(entry.spec.queue))
      return { reason: 'queue-paused', detail: `queue ${entry.spec.queue} is paused; resume it` };
    if (entry.state === 'backing_off') {
      return {
        reason: 'backing-off',
        detail: `attempt ${String(entry.attempt)} failed; visible again at ${new Date(entry.until).toISOString()}`,
        extra: { until: entry.until },
      };
    }
    return null;
  }

  #views(): QueueView[] {
    const names = new Set<string>([...QUEUES, ...this.state.depths.keys()]);
    return [...names].map((name) => ({
      name,
      paused: this.state.paused.has(name),
      ready: 0,
      leaseTtlMs: this.state.leaseTtls.get(name) ?? LEASE_TTL_MS,
      ...(this.state.depths.get(name) ?? { visible: 0, leased: 0, backingOff: 0 }),
    }));
  }
}

/**
 * A lease time says that the cluster was raised, and this process has not heard of that yet: what it wrote of the class now would
 * lack it. The batcher pushes such tasks again.
 */
function asFarAsKnown(push: Extract<QueueCommand, { op: 'push' }>, { level }: RoleContext): Push {
  if (level >= 2 || push.specs.every(({ leaseTtlMs }) => leaseTtlMs === undefined)) return push;
  return { ...push, tasks: push.tasks.filter(({ spec }) => push.specs[spec]?.leaseTtlMs === undefined) };
}
