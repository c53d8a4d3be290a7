import { streams } from '@yardmaster/contracts';
import { eventsOf, type LogRecord } from './log-record.js';
import { toldOf } from './told.js';

/** I21: what a crash left without its cause has no effect: a task queued without its submission leaves the queue as `void`, a
 * lease without its queueing ends as `void`, and nothing else becomes of either. Before the crash, whoever granted it may have
 * written its loss: of its own worker it knew more than of what was lost. */
export function faultsOfCauses(log: LogRecord, isDrained: boolean): string[] {
  const faults: string[] = [];
  const told = toldOf(log);
  const queued = new Set<string>();
  const orphans = new Set<string>();
  for (const { event } of eventsOf(log, streams.queue())) {
    if (event.type === 'BatchQueued')
      for (const { id } of event.tasks) {
        queued.add(id);
        if (told.get(id)?.submitted == null) orphans.add(id);
      }
    else if (event.type === 'TasksRemoved' && event.why === 'void')
      for (const id of event.ids) orphans.delete(id);
  }
  if (isDrained)
    for (const id of orphans) faults.push(`I21 ${id} was queued, never submitted, and never removed as void`);
  const grantedIn = new Map<number, number>();
  for (const { event, envelope } of eventsOf(log, streams.leases())) {
    if (event.type === 'LeaseGranted') grantedIn.set(event.fence, envelope.epoch);
    if (event.type !== 'LeaseEnded' || event.outcome === 'void') continue;
    if (event.outcome === 'lost' && grantedIn.get(event.fence) === envelope.epoch) continue;
    if (!queued.has(event.task))
      faults.push(`I21 ${event.task} was never queued, and a lease of it ended as ${event.outcome}`);
  }
  return faults;
}
