import { invariant } from '@yardmaster/kernel';

/** Grants within [first, last]; all of them count as given at `last`. */
interface Grant {
  first: number;
  last: number;
  n: number;
}

export interface SlidingWindowState {
  readonly latest: number;
  readonly grants: readonly (readonly [first: number, last: number, n: number])[];
}

const EXACT_GRANTS = 1_024;
const SLICES = 1_024;

/** Hard limit: no span of `windowMs`, wherever it starts, holds more than `limit` grants.
 *
 * A grant at t counts until t + windowMs. Up to 1,024 grants are kept one by one; beyond that those of one slice
 * (a 1,024th of the window) are kept as one, given at the latest of their times, so that memory is bounded and the
 * answer errs only towards fewer grants, by at most a slice. Time that goes backwards stands still. */
export class SlidingWindow {
  readonly windowMs: number;
  #limit: number;
  #grants: Grant[] = [];
  #start = 0;
  #used = 0;
  #latest = -Infinity;

  constructor(limit: number, windowMs: number) {
    invariant(windowMs > 0, 'a window has a length');
    this.#limit = limit;
    this.windowMs = windowMs;
  }

  get limit(): number {
    return this.#limit;
  }

  /** A lower limit takes nothing back; it only waits longer. */
  setLimit(limit: number): void {
    this.#limit = limit;
  }

  /** How many could be granted at `now`. */
  available(now: number): number {
    return Math.max(0, this.#limit - this.#used + this.#expired(now).n);
  }

  /** Grants `n` or nothing. */
  grant(now: number, n: number): boolean {
    if (n > this.available(now)) return false;
    this.record(now, n);
    return true;
  }

  /** Takes over a grant that was already made, as when the log is read again. */
  record(at: number, n: number): void {
    if (n <= 0) return;
    const now = Math.max(at, this.#latest);
    this.#forget(now);
    this.#latest = now;
    this.#used += n;
    const newest = this.#grants.at(-1);
    if (newest !== undefined && this.#grants.length > this.#start && this.#belongsTo(newest, now)) {
      newest.last = now;
      newest.n += n;
    } else {
      this.#grants.push({ first: now, last: now, n });
    }
  }

  /** Takes back up to `n` that were granted at `grantedAt` and not used; tells how many still counted. */
  giveBack(grantedAt: number, n: number): number {
    const grant = this.#at(grantedAt);
    if (grant === null) return 0;
    const back = Math.max(0, Math.min(n, grant.n));
    grant.n -= back;
    this.#used -= back;
    return back;
  }

  /** Wait from `now` until `n` could be granted; Infinity when that is over the limit. */
  retryAfterMs(now: number, n: number): number {
    let missing = n - this.available(now);
    if (missing <= 0) return 0;
    if (n > this.#limit) return Infinity;
    for (let i = this.#expired(now).upTo; i < this.#grants.length; i++) {
      const grant = this.#grants[i]!;
      missing -= grant.n;
      if (missing <= 0) return Math.max(0, grant.last + this.windowMs - now);
    }
    return this.windowMs;
  }

  /** What has to be kept to go on elsewhere. */
  state(): SlidingWindowState {
    const grants = this.#grants.slice(this.#start).map(({ first, last, n }) => [first, last, n] as const);
    return { latest: this.#latest, grants };
  }

  static from(limit: number, windowMs: number, state: SlidingWindowState): SlidingWindow {
    const window = new SlidingWindow(limit, windowMs);
    window.#grants = state.grants.map(([first, last, n]) => ({ first, last, n }));
    window.#used = state.grants.reduce((sum, [, , n]) => sum + n, 0);
    window.#latest = state.latest;
    return window;
  }

  #belongsTo(newest: Grant, now: number): boolean {
    if (newest.last === now) return true;
    return this.#grants.length - this.#start >= EXACT_GRANTS && now - newest.first < this.windowMs / SLICES;
  }

  /** What no longer counts at `now`. Only a grant forgets it: asking changes nothing, so that a log read again leads
   * to the same state. */
  #expired(at: number): { upTo: number; n: number } {
    const now = Math.max(at, this.#latest);
    let upTo = this.#start;
    let n = 0;
    while (upTo < this.#grants.length && this.#grants[upTo]!.last + this.windowMs <= now)
      n += this.#grants[upTo++]!.n;
    return { upTo, n };
  }

  #forget(now: number): void {
    const { upTo, n } = this.#expired(now);
    this.#used -= n;
    this.#start = upTo;
    if (this.#start > 64 && this.#start * 2 > this.#grants.length) {
      this.#grants.splice(0, this.#start);
      this.#start = 0;
    }
  }

  #at(time: number): Grant | null {
    let low = this.#start;
    let high = this.#grants.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#grants[middle]!.last < time) low = middle + 1;
      else high = middle;
    }
    const grant = this.#grants[low];
    return grant !== undefined && grant.first <= time ? grant : null;
  }
}
