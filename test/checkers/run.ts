import { streams } from '@yardmaster/contracts';
import { eventsOf, type LogRecord } from './log-record.js';
import { toldOf } from './told.js';

/** I9 and I21 at the moment at which a worker is told to run an attempt. */
export function faultsOfRun(log: LogRecord, task: string, attempt: number, fence: number): string[] {
  const faults: string[] = [];
  const name = `run of ${task} attempt ${String(attempt)}`;
  const told = toldOf(log);
  const about = told.get(task);
  if (about?.submitted == null) return [`I21 ${name}: its submission is not on disk`];
  for (const parent of about.parents)
    if (told.get(parent)?.succeeded !== true)
      faults.push(`I9 ${name}: parent ${parent} has not succeeded on disk`);
  let isGranted = false;
  let isOver = false;
  for (const { event } of eventsOf(log, streams.leases())) {
    if (event.type === 'LeaseGranted' && event.fence === fence && event.task === task) isGranted = true;
    if (event.type === 'LeaseEnded' && event.fence === fence && event.task === task) {
      // A frame on its way may cross the end of its lease, but never that of one that was not to be run.
      isOver = true;
      if (event.outcome === 'void' || event.outcome === 'withdrawn')
        faults.push(`I21 ${name}: its lease has ended as ${event.outcome}`);
    }
  }
  if (about.ends.length > 0 && !isOver) faults.push(`I15 ${name}: it has ended as ${about.ends.join()}`);
  if (!isGranted) faults.push(`I21 ${name}: its lease is not on disk`);
  const queued = [...eventsOf(log, streams.queue())].some(
    ({ event }) => event.type === 'BatchQueued' && event.tasks.some((t) => t.id === task),
  );
  if (!queued) faults.push(`I21 ${name}: its queueing is not on disk`);
  return faults;
}
