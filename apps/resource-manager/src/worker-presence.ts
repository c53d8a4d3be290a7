import { LEASE_TTL_MS, type HeldAttempt } from '@yardmaster/contracts';
import type { CellState, CellWorker, Lease } from '@yardmaster/domain';
import type { WorkerId } from '@yardmaster/kernel';

/** After a takeover nobody is expired before workers had time to come back. */
export const TAKEOVER_GRACE_MS = 5_000;
/** Those who do not come back are expired over this time, not all in one moment. */
export const TAKEOVER_SPREAD_MS = 5_000;
/** A granted attempt that a worker does not name in its heartbeats for this long never arrived. */
const UNDELIVERED_MS = 10_000;

export interface Expired {
  readonly worker: CellWorker;
  readonly leases: readonly Lease[];
  /** None of its leases goes on. */
  readonly isGone: boolean;
}

/** When each worker was last heard, on the monotonic clock; never in the log. */
export class WorkerPresence {
  readonly #heard = new Map<WorkerId, number>();
  readonly #missing = new Map<string, number>();

  #extendedUntil = -Infinity;

  /** A maintenance: nobody is expired within this time, nor before the lease's time has passed after it. */
  extend(forMs: number, now: number): void {
    this.#extendedUntil = Math.max(this.#extendedUntil, now + forMs);
  }

  /** What is left of maintenances, ms; 0 when none is under way. */
  extendedMs(now: number): number {
    return Math.max(0, this.#extendedUntil - now);
  }

  heard(worker: WorkerId, at: number): void {
    this.#heard.set(worker, at);
  }

  /** The new owner gives everybody the lease's time from now: what the one before it answered last, it cannot know. */
  grace(workers: readonly WorkerId[], now: number): void {
    workers.forEach((worker, k) => {
      this.#heard.set(worker, now + TAKEOVER_GRACE_MS + (TAKEOVER_SPREAD_MS * k) / workers.length);
    });
  }

  silentMs(worker: WorkerId, now: number): number {
    return Math.max(0, now - (this.#heard.get(worker) ?? now));
  }

  /** Workers silent for the time of a lease, with those of theirs that have run out; one is gone when its last has. */
  expired(state: CellState, now: number): Expired[] {
    const extended = now - this.#extendedUntil;
    const expired: Expired[] = [];
    if (extended < LEASE_TTL_MS) return expired;
    for (const worker of state.workerList) {
      const silent = Math.min(this.silentMs(worker.id, now), extended);
      if (silent < LEASE_TTL_MS) continue;
      const leases = worker.held.all.filter(({ ttlMs }) => silent >= ttlMs);
      expired.push({ worker, leases, isGone: leases.length === worker.held.size });
    }
    return expired;
  }

  forget(worker: WorkerId): void {
    this.#heard.delete(worker);
  }

  /** What the worker holds is handed out to it once more: from now on it has its time again to name it. */
  handedOut(worker: CellWorker): void {
    for (const lease of worker.held.all) this.#missing.delete(keyOf(lease.task, lease.attempt, lease.fence));
  }

  /** Leases that the worker has not named since long after they were granted: two heartbeats in a row. */
  undelivered(
    worker: CellWorker,
    held: readonly HeldAttempt[],
    now: number,
  ): { readonly lost: Lease[]; readonly unnamed: string[] } {
    const named = new Set(held.map(([task, attempt, fence]) => keyOf(task, attempt, fence)));
    const lost: Lease[] = [];
    const unnamed: string[] = [];
    for (const lease of worker.held.all) {
      const key = keyOf(lease.task, lease.attempt, lease.fence);
      if (named.has(key)) {
        this.#missing.delete(key);
        continue;
      }
      const since = this.#missing.get(key);
      if (since === undefined) unnamed.push(key);
      else if (now - since >= UNDELIVERED_MS) {
        this.#missing.delete(key);
        lost.push(lease);
      }
    }
    if (this.#missing.size > 100_000) this.#missing.clear();
    return { lost, unnamed };
  }

  /** From now on they should be named: their leases are on disk, so that they are handed out. */
  missing(unnamed: readonly string[], now: number): void {
    for (const key of unnamed) if (!this.#missing.has(key)) this.#missing.set(key, now);
  }
}

function keyOf(task: string, attempt: number, fence: number): string {
  return `${task} ${String(attempt)} ${String(fence)}`;
}
