import { type Envelope, streams } from '@yardmaster/contracts';
import type { LeaseGranted, SchedulingSpec } from '@yardmaster/domain';
import { eventsOf, type LogRecord } from './log-record.js';

/** Ends that a worker tells late and that count all the same. */
const FINISHED: ReadonlySet<string> = new Set(['ok', 'app', 'permanent']);

/** I2 and I5 at every prefix of the leases. */
export function faultsOfLeases(log: LogRecord, isDrained = false): string[] {
  const faults: string[] = [];
  const classes: SchedulingSpec[] = [];
  for (const { event } of eventsOf(log, streams.queue()))
    if (event.type === 'ClassDefined') classes[event.n] = event.spec;
  const takenBack = takenBackIn(log);
  const adopted = adoptedIn(log);
  const live = new Map<string, LeaseGranted>();
  const attempts = new Map<string, number>();
  const capacity = new Map<string, Readonly<Record<string, number>>>();
  const used = new Map<string, Record<string, number>>();
  let fence = 0;
  const use = (lease: LeaseGranted, sign: number): void => {
    // Never handed out. What it was to take may be lost with its class, whose number another has by now.
    if (takenBack.get(lease.fence) === 'void' || adopted.has(lease.fence)) return;
    const of = used.get(lease.worker) ?? {};
    for (const [name, amount] of Object.entries(classes[lease.cls]?.resources ?? {}))
      of[name] = (of[name] ?? 0) + sign * amount;
    used.set(lease.worker, of);
    for (const [name, amount] of Object.entries(of)) {
      // A worker may come back smaller than what it still runs: what ends then is not held against it.
      if (amount < 0 || (sign > 0 && amount > (capacity.get(lease.worker)?.[name] ?? 0)))
        faults.push(`I5 worker ${lease.worker} has ${String(amount)} of ${name} allocated`);
    }
  };
  for (const { event } of eventsOf(log, streams.leases())) {
    if (event.type === 'WorkerJoined') capacity.set(event.worker, event.capacity);
    if (event.type === 'LeaseGranted') {
      if (live.has(event.task)) faults.push(`I2 task ${event.task} has two live leases`);
      if (event.fence <= fence) faults.push(`I2 fence ${String(event.fence)} comes after ${String(fence)}`);
      // One that is taken back never ran: a push that came late, or again, after the task had left the queue.
      if (event.attempt < (attempts.get(event.task) ?? 0) && !takenBack.has(event.fence))
        faults.push(`I2 attempt of ${event.task} went back to ${String(event.attempt)}`);
      fence = event.fence;
      if (!takenBack.has(event.fence)) attempts.set(event.task, event.attempt);
      live.set(event.task, event);
      use(event, 1);
    }
    if (event.type === 'LeaseEnded') {
      const lease = live.get(event.task);
      if (lease?.fence !== event.fence)
        faults.push(`I3 lease of ${event.task} with fence ${String(event.fence)} ended and was not live`);
      else {
        live.delete(event.task);
        use(lease, -1);
      }
    }
  }
  if (isDrained)
    for (const { task, worker } of live.values())
      faults.push(`I5 ${task} still holds a lease on ${worker} at the end`);
  return faults;
}

/** Leases that only say how a lost attempt ended, by fence: granted and ended in one commit, they never took anything. */
export function adoptedIn(log: LogRecord): ReadonlySet<number> {
  const adopted = new Set<number>();
  const grantedIn = new Map<number, Envelope>();
  for (const { event, envelope } of eventsOf(log, streams.leases())) {
    if (event.type === 'LeaseGranted') grantedIn.set(event.fence, envelope);
    if (event.type === 'LeaseEnded' && FINISHED.has(event.outcome) && grantedIn.get(event.fence) === envelope)
      adopted.add(event.fence);
  }
  return adopted;
}

/** Leases that were never handed out, by fence, each with the word by which it ended. */
export function takenBackIn(log: LogRecord): ReadonlyMap<number, 'withdrawn' | 'void'> {
  const takenBack = new Map<number, 'withdrawn' | 'void'>();
  for (const { event } of eventsOf(log, streams.leases()))
    if (event.type === 'LeaseEnded' && (event.outcome === 'withdrawn' || event.outcome === 'void'))
      takenBack.set(event.fence, event.outcome);
  return takenBack;
}
