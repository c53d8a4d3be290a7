import type { Journal } from './journal.js';
import { eventsOf, type LogRecord, taskStreams } from './log-record.js';

/** I15: whoever was told that a cancel counts finds the task cancelled, or taken down by a parent; nothing else. */
export function faultsOfCancels(
  log: LogRecord,
  { cancels }: Pick<Journal, 'cancels'> = { cancels: [] },
): string[] {
  const faults: string[] = [];
  const requested = new Set<string>();
  for (const stream of taskStreams(log))
    for (const { event } of eventsOf(log, stream)) {
      if (event.type === 'CancelRequested') requested.add(event.id);
      else if ((event.type === 'TaskSucceeded' || event.type === 'TaskFailed') && requested.has(event.id))
        faults.push(`I15 ${event.id} ended by ${event.type} after its cancel was written`);
    }
  for (const { id } of cancels)
    if (!requested.has(id)) faults.push(`I15 the cancel of ${id} was acknowledged and is not in the log`);
  return faults;
}
