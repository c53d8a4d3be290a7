import type { TaskId, WorkerId } from '@yardmaster/kernel';
import type { LeaseEnded, LeaseGranted, Outcome } from '../events/index.js';
import { endOf, grantOf, type EndOfLease } from './cell.decide.js';
import type { CellEntry, CellState } from './cell-state.js';

/** An attempt whose lease is not live any more, as its worker says that it ended. */
export interface LateReport {
  readonly task: TaskId;
  readonly attempt: number;
  readonly fence: number;
  readonly worker: WorkerId;
  readonly outcome: Outcome;
}

/** `wait`: its task is about to become visible again, and only what is visible can be granted. */
export type LateVerdict =
  | { readonly kind: 'adopt'; readonly entry: CellEntry }
  | { readonly kind: 'wait' }
  | { readonly kind: 'gone' };

/** Ends by which the attempt itself said what came of it; what its worker did to it counts for nothing now. */
const FINISHED: ReadonlySet<Outcome> = new Set<Outcome>(['ok', 'app', 'permanent']);
const GONE = { kind: 'gone' } as const;

/**
 * A finish that was told too late, for its worker could not be heard, is worth as much as one told in time while nobody else
 * has the task: running it again would do its work twice. Once it was granted again or has ended, the report is refused (I3).
 */
export function judgeLate(state: CellState, report: LateReport): LateVerdict {
  const entry = state.entries.get(report.task);
  const lost = entry?.lost;
  if (entry === undefined || lost == null || !FINISHED.has(report.outcome)) return GONE;
  if (lost.attempt !== report.attempt || lost.fence !== report.fence || lost.worker !== report.worker)
    return GONE;
  if (entry.state === 'out') return { kind: 'wait' };
  // Without a session of its worker nobody could be told; it joins and says it again.
  return state.workers.has(report.worker) ? { kind: 'adopt', entry } : { kind: 'wait' };
}

/** A new lease of the same worker, ended at once by what it told: to be written in one commit. */
export function adoptFinish(
  state: CellState,
  entry: CellEntry,
  worker: WorkerId,
  fence: number,
  end: EndOfLease,
): readonly [LeaseGranted, LeaseEnded] {
  const grant = grantOf(entry, worker, fence, state.queueTtls);
  return [grant, endOf(grant, end)];
}
