import {
  AUDIT_PAGE,
  commands,
  LEASE_TTL_MS,
  type AuditCommand,
  type OwnerAudit,
  type QueueAudit,
  type ResourcesAudit,
} from '@yardmaster/contracts';
import { DisagreementBook, idPartition, type OwnerSays, type ResourcesSay } from '@yardmaster/domain';
import type { Bus } from '@yardmaster/service-kit';

const EVERY_MS = 15_000;
const SHORT = { timeoutMs: 3_000, patienceMs: 0 };

/** A task on which those who know it have disagreed for too long. */
export interface StuckTask {
  readonly task: string;
  readonly message: string;
  readonly action: string;
}

/**
 * Compares what the owners, the queue manager and the resource manager say of the tasks that they hold: a page of each, in turn, and
 * again those that were contradictory before. An owner answers only while it has proof that it is one. What one of them did not answer about
 * is as it was: nothing is found, and nothing mended, by silence.
 */
export class DisagreementWatch {
  readonly #book = new DisagreementBook(LEASE_TTL_MS);
  #nextAt = 0;
  #p = 0;

  constructor(
    private readonly bus: Bus,
    private readonly partitions: number,
  ) {}

  /** Looks when it is time to; the tasks that are stuck. */
  async look(now: number): Promise<StuckTask[]> {
    if (now >= this.#nextAt) {
      this.#nextAt = now + EVERY_MS;
      await this.#compare(now);
    }
    return this.#book.stuck(now).map(({ task, what, action, sinceMs }) => ({
      task,
      message: `task ${task} is stuck: for ${String(Math.round(sinceMs / 1_000))} s ${what}`,
      action: action.replace('ID', task),
    }));
  }

  async #compare(now: number): Promise<void> {
    const tasks = new Set(this.#book.tasks());
    for (const [task] of (await this.#ask<ResourcesAudit>(commands.leases(), null)) ?? []) tasks.add(task);
    for (const [task] of (await this.#ask<QueueAudit>(commands.queue(), null)) ?? []) tasks.add(task);
    if (this.partitions > 0) {
      const p = this.#p++ % this.partitions;
      for (const [task] of (await this.#ask<OwnerAudit>(commands.tasks(p), null)) ?? []) tasks.add(task);
    }
    const all = [...tasks];
    for (let at = 0; at < all.length; at += AUDIT_PAGE) await this.#see(all.slice(at, at + AUDIT_PAGE), now);
  }

  async #see(tasks: readonly string[], now: number): Promise<void> {
    const resources = await this.#ask<ResourcesAudit>(commands.leases(), tasks);
    const queue = await this.#ask<QueueAudit>(commands.queue(), tasks);
    if (resources === null || queue === null) return;
    const leaseOf = new Map<string, ResourcesSay>(resources);
    const entryOf = new Map(queue);
    for (const [p, ofOwner] of Map.groupBy(tasks, idPartition)) {
      const owners = await this.#ask<OwnerAudit>(commands.tasks(p), ofOwner);
      if (owners === null) continue;
      for (const [task, says] of new Map<string, OwnerSays | null>(owners)) {
        const lease = leaseOf.get(task);
        if (lease !== undefined)
          this.#book.saw(task, { owner: says, queue: entryOf.get(task) ?? null, resources: lease }, now);
      }
    }
  }

  async #ask<T>(of: string, ids: readonly string[] | null): Promise<T | null> {
    const reply = await this.bus.request<T>(of, { op: 'audit', ids } satisfies AuditCommand, SHORT);
    return reply.ok ? reply.value : null;
  }
}
