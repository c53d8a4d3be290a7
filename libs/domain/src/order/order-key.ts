import type { SchedulingSpec } from '../events/index.js';

/** Time in which waiting alone lifts a task from priority 0 to 1000. */
export const AGEING_HORIZON_MS = 3_600_000;
/** One point of priority is worth this much waiting. */
export const POINT_MS = AGEING_HORIZON_MS / 1_000;

/** Where a task stands; it never changes while the task waits.
 *
 * Effective priority, min(1000, priority + 1000 * wait / horizon), rises at one slope for every task. So of two
 * tasks the one that reaches 1000 first has been ahead all the time, and the order can be told once, by that
 * moment, instead of being sorted again as time passes. */
export interface OrderKey {
  readonly classRank: number;
  /** Moment of reaching 1000 (less a constant), counted in points, so that what is less than a point apart is
   * ordered by the rest. */
  readonly point: number;
  /** Latest wanted start, ms; Infinity when no tolerance was named. */
  readonly latestStart: number;
  readonly capMs: number;
  /** Submission order. */
  readonly seq: number;
}

export function orderKey(spec: SchedulingSpec, eligibleAt: number, seq: number): OrderKey {
  return {
    classRank: spec.classRank,
    point: Math.floor((eligibleAt - spec.priority * POINT_MS) / POINT_MS),
    latestStart: spec.delayToleranceMs === null ? Infinity : eligibleAt + spec.delayToleranceMs,
    capMs: spec.capMs,
    seq,
  };
}

/** Negative when `a` goes first. */
export function compareOrder(a: OrderKey, b: OrderKey): number {
  if (a.classRank !== b.classRank) return b.classRank - a.classRank;
  if (a.point !== b.point) return a.point - b.point;
  if (a.latestStart !== b.latestStart) return a.latestStart < b.latestStart ? -1 : 1;
  if (a.capMs !== b.capMs) return a.capMs < b.capMs ? -1 : 1;
  return a.seq - b.seq;
}

/** Priority as it stands at `now`, 0-1000. */
export function effectivePriority(priority: number, eligibleAt: number, now: number): number {
  return Math.min(1_000, priority + Math.max(0, now - eligibleAt) / POINT_MS);
}
