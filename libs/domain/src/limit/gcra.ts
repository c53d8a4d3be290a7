import { invariant } from '@yardmaster/kernel';

export type Take = { readonly ok: true } | { readonly ok: false; readonly retryAfterMs: number };

const TAKEN: Take = { ok: true };

/** Smooths a burst: `ratePerSecond` on the long run, `burst` at once. What is more than a burst is granted when
 * nothing is owed and paid for afterwards, so that large requests get through. */
export class Gcra {
  readonly #intervalMs: number;
  readonly #toleranceMs: number;
  #owedUntil = -Infinity;

  constructor(ratePerSecond: number, burst: number = Math.max(1, ratePerSecond)) {
    invariant(ratePerSecond > 0 && burst > 0, 'a rate and a burst are above 0');
    this.#intervalMs = 1_000 / ratePerSecond;
    this.#toleranceMs = burst * this.#intervalMs;
  }

  take(now: number, n = 1): Take {
    const from = Math.max(this.#owedUntil, now);
    const until = from + n * this.#intervalMs;
    const allowedAt = Math.min(from, until - this.#toleranceMs);
    // A burst of fractions adds up to a hair over the whole.
    if (allowedAt - now > 1e-6) return { ok: false, retryAfterMs: Math.max(1, Math.ceil(allowedAt - now)) };
    this.#owedUntil = until;
    return TAKEN;
  }

  /** Returns what was taken for a request that was refused later. */
  giveBack(n = 1): void {
    this.#owedUntil -= n * this.#intervalMs;
  }
}
