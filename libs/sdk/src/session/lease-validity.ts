import { AGENT_STOP_MS, stopAfterMs } from '@yardmaster/contracts';

/**
 * Whether a worker may still run what it was leased. Counted from the SEND time of the last heartbeat that was
 * answered: what the yard heard last can only be later than that. All times are of one clock that never goes
 * back and counts what the machine slept (BootClock), ms.
 */
export class LeaseValidity {
  readonly #sent = new Map<number, number>();
  /** Send time of the last heartbeat that was answered. */
  #provenAt = -Infinity;
  /** Until when a maintenance was promised. */
  #extendedUntil = -Infinity;

  constructor(private readonly stopAfterMs: number = AGENT_STOP_MS) {}

  sent(n: number, at: number): void {
    this.#sent.set(n, at);
  }

  /** Answers that were not asked for, and repeated ones, prove nothing. `extendMs`: the yard promises at least so long from its answer on. */
  answered(n: number, extendMs = 0): void {
    const at = this.#sent.get(n);
    if (at === undefined) return;
    this.#provenAt = Math.max(this.#provenAt, at);
    this.#extendedUntil = Math.max(this.#extendedUntil, at + extendMs);
    for (const earlier of this.#sent.keys()) if (earlier <= n) this.#sent.delete(earlier);
  }

  isOver(now: number, ttlMs?: number): boolean {
    return this.leftMs(now, ttlMs) <= 0;
  }

  /** Time until it is over, ms; below zero when it is. `ttlMs`: of a lease that has a time of its own. */
  leftMs(now: number, ttlMs?: number): number {
    const stopAfter = ttlMs === undefined ? this.stopAfterMs : Math.max(this.stopAfterMs, stopAfterMs(ttlMs));
    return Math.max(this.#provenAt + stopAfter, this.#extendedUntil) - now;
  }
}
