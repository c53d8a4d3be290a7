import { setTimeout as sleep } from 'node:timers/promises';
import type { CommittedLog } from '@yardmaster/service-kit';

/** Between two looks. */
const LOOK_MS = 25;
/** Events that came between two looks, from which on much is coming. */
const MUCH = 500;
/** Looks in a row without much coming, until a burst is over: a pause of whoever writes the log is not yet its end. */
const CALM = 5;

/**
 * Waits while much is coming: the processor is the roles' then, and what came whole is written in fewer rows. At once (one look)
 * when little is coming; after `longestMs` in any case, and when more than `mostWaiting` events came meanwhile.
 */
export async function untilBurstIsOver(
  log: Pick<CommittedLog, 'arrived'>,
  stop: AbortSignal,
  { longestMs, mostWaiting = Infinity }: { readonly longestMs: number; readonly mostWaiting?: number },
): Promise<void> {
  const end = performance.now() + longestMs;
  const first = log.arrived;
  for (let calm = 0; calm < CALM && !stop.aborted;) {
    const before = log.arrived;
    await sleep(LOOK_MS, undefined, { signal: stop }).catch(() => undefined);
    const waiting = log.arrived - first;
    if (log.arrived - before > MUCH) calm = 0;
    else calm = waiting > MUCH ? calm + 1 : CALM;
    if (waiting >= mostWaiting || performance.now() >= end) return;
  }
}
