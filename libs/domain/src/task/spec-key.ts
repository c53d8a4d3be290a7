import type { SchedulingSpec } from '../events/index.js';

const known = new WeakMap<SchedulingSpec, string>();

/** Equal for equal specs. */
export function specKey(spec: SchedulingSpec): string {
  let key = known.get(spec);
  if (key === undefined) {
    const sorted = (record: Readonly<Record<string, unknown>>): unknown[] =>
      Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
    key = JSON.stringify([
      spec.kind,
      spec.handler,
      sorted(spec.resources),
      spec.queue,
      spec.classRank,
      spec.priority,
      spec.strategy,
      spec.delayToleranceMs,
      spec.capMs,
      spec.retry.maxAttempts,
      spec.retry.lostBudget,
      spec.retry.initialBackoffMs,
      spec.retry.maxBackoffMs,
      spec.retry.on,
      spec.idempotent,
      sorted(spec.require),
      spec.leaseTtlMs,
    ]);
    known.set(spec, key);
  }
  return key;
}
