import { setTimeout as sleep } from 'node:timers/promises';
import type { CommittedLog } from '@yardmaster/service-kit';

/** Between two looks. */
const LOOK_MS = 25;
/** Events that came between two looks, from which on much is coming. */
const MUCH = 500;
/** Looks in a row without much coming, until a burst is over: a pause of whoever writes the log is not yet its end. */
const CALM = 5;

export interface BurstLimits {
  /** Waited for at most, ms. */
  readonly longestMs: number;
  /** Events that may come meanwhile. */
  readonly mostWaiting?: number;
}

/**
 * Waits while much is coming: the processor is the roles' then, and what came whole is written in fewer rows. What comes without
 * end is waited for once: whoever waited before each piece of it would fall behind for good.
 */
export class Burst {
  /** When a wait ended before the burst did, and how much had come until then. */
  #endless: { readonly at: number; readonly arrived: number } | null = null;

  constructor(
    private readonly log: Pick<CommittedLog, 'arrived'>,
    private readonly limits: BurstLimits,
  ) {}

  /** At once (one look) when little is coming. */
  async over(stop: AbortSignal): Promise<void> {
    if (this.#goesOn(performance.now())) return;
    const { longestMs, mostWaiting = Infinity } = this.limits;
    const end = performance.now() + longestMs;
    const first = this.log.arrived;
    for (let calm = 0; calm < CALM && !stop.aborted;) {
      const before = this.log.arrived;
      await sleep(LOOK_MS, undefined, { signal: stop }).catch(() => undefined);
      const waiting = this.log.arrived - first;
      if (this.log.arrived - before > MUCH) calm = 0;
      else calm = waiting > MUCH ? calm + 1 : CALM;
      if (waiting < mostWaiting && performance.now() < end) continue;
      this.#endless = { at: performance.now(), arrived: this.log.arrived };
      return;
    }
  }

  #goesOn(now: number): boolean {
    if (this.#endless === null) return false;
    const { at, arrived } = this.#endless;
    // Too soon to tell.
    if (now - at < LOOK_MS * CALM) return true;
    const came = this.log.arrived - arrived;
    const isMuch = came * LOOK_MS > MUCH * (now - at);
    this.#endless = isMuch ? { at: now, arrived: this.log.arrived } : null;
    return isMuch;
  }
}
