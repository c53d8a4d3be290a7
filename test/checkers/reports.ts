import { streams } from '@yardmaster/contracts';
import type { LeaseEnded } from '@yardmaster/domain';
import type { Journal } from './journal.js';
import { adoptedIn } from './leases.js';
import { eventsOf, type LogRecord } from './log-record.js';

/** I3: a report that was answered well ended the lease that it names, and its worker's; of a fenced attempt nothing counts. */
export function faultsOfReports(log: LogRecord, { reports }: Pick<Journal, 'reports'>): string[] {
  const ended = new Map<number, LeaseEnded>();
  const granted = new Map<number, string>();
  /** The end that followed for the same task, by the fence of the end before. */
  const nextOf = new Map<number, LeaseEnded>();
  const lastOf = new Map<string, LeaseEnded>();
  for (const { event } of eventsOf(log, streams.leases())) {
    if (event.type === 'LeaseGranted') granted.set(event.fence, event.worker);
    if (event.type !== 'LeaseEnded') continue;
    ended.set(event.fence, event);
    const before = lastOf.get(event.task);
    if (before !== undefined) nextOf.set(before.fence, event);
    lastOf.set(event.task, event);
  }
  const faults: string[] = [];
  const adopted = adoptedIn(log);
  // What was lost, and its worker, which alone may bring its finish after that.
  const isAdopted = (lost: LeaseEnded, outcome: string): boolean => {
    const next = nextOf.get(lost.fence);
    return (
      lost.outcome === 'lost' &&
      next?.worker === lost.worker &&
      next.outcome === outcome &&
      adopted.has(next.fence)
    );
  };
  for (const { worker, task, attempt, fence, outcome, answer } of reports) {
    const name = `I3 report of ${task} attempt ${String(attempt)} as ${outcome} by ${worker}`;
    const end = ended.get(fence);
    if (answer !== 'ok') continue;
    if (end === undefined) faults.push(`${name} was accepted, and its end is not in the log`);
    else if (end.task !== task || end.attempt !== attempt || end.worker !== worker)
      faults.push(`${name} was accepted for an attempt of ${end.task} on ${end.worker}`);
    else if (end.outcome !== outcome && end.outcome !== 'infra' && !isAdopted(end, outcome))
      faults.push(`${name} was accepted, and the log says ${end.outcome}`);
  }
  for (const [fence, end] of ended)
    if (granted.get(fence) !== end.worker)
      faults.push(
        `I3 the lease of ${end.task} with fence ${String(fence)} ended on ${end.worker}, which never held it`,
      );
  return faults;
}
