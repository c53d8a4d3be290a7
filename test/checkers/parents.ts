import { causalOrder } from './causal-order.js';
import type { LogRecord } from './log-record.js';
import { toldOf } from './told.js';

/** I9 at every prefix: an attempt that counts was granted after all its parents had succeeded. A lease that a crash left
 * without its cause ends as `void`, and never ran. */
export function faultsOfParents(log: LogRecord): string[] {
  const faults: string[] = [];
  const told = toldOf(log);
  const succeeded = new Set<string>();
  const early = new Map<number, string>();
  for (const { events } of causalOrder(log))
    for (const event of events) {
      if (event.type === 'TaskSucceeded') succeeded.add(event.id);
      else if (event.type === 'LeaseGranted') {
        const missing = told.get(event.task)?.parents.filter((id) => !succeeded.has(id)) ?? [];
        if (missing.length > 0) early.set(event.fence, missing.join());
      } else if (event.type === 'LeaseEnded') {
        const missing = early.get(event.fence);
        if (missing !== undefined && event.outcome !== 'void' && event.outcome !== 'withdrawn')
          faults.push(
            `I9 ${event.task} had a lease before ${missing} succeeded, and it ended as ${event.outcome}`,
          );
      }
    }
  return faults;
}
