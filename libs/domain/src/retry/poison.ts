import type { WorkerId } from '@yardmaster/kernel';

/** Losses of a worker after which a task is suspected of being their cause. */
export const POISON_LOSSES = 3;
/** So many workers lost within this time of each other went down together, and not by one task. */
export const CORRELATED_WORKERS = 3;
export const CORRELATED_MS = 60_000;
/** Of all workers together; more at once are correlated anyway. */
const MOST_REMEMBERED = 1_000;

export interface WorkerLoss {
  readonly worker: WorkerId;
  /** Time of the envelope that told it, epoch ms. */
  readonly at: number;
}

/** Notes a loss; the ends of one worker's leases are one. */
export function noteLoss(losses: WorkerLoss[], loss: WorkerLoss): void {
  for (let i = losses.length - 1; i >= 0; i--) {
    const before = losses[i]!;
    if (loss.at - before.at > CORRELATED_MS) break;
    if (before.worker === loss.worker && before.at === loss.at) return;
  }
  losses.push(loss);
  if (losses.length > MOST_REMEMBERED) losses.shift();
}

/** True when several workers were lost at about this time: a machine room, a network, the yard itself. */
export function isCorrelated(losses: readonly WorkerLoss[], at: number): boolean {
  const workers = new Set<WorkerId>();
  for (const loss of losses) if (Math.abs(loss.at - at) <= CORRELATED_MS) workers.add(loss.worker);
  return workers.size >= CORRELATED_WORKERS;
}

/** Whether a task that was lost at these times, the last included, is to be tried with nothing else on its worker. */
export function isSuspect(times: readonly number[], losses: readonly WorkerLoss[]): boolean {
  return (
    times.length >= POISON_LOSSES && times.filter((at) => !isCorrelated(losses, at)).length >= POISON_LOSSES
  );
}
