import { streams } from '@yardmaster/contracts';
import { COST_OF, longestWaitMs, type RetryPolicy, type SchedulingSpec } from '@yardmaster/domain';
import { takenBackIn } from './leases.js';
import { eventsOf, type LogRecord, taskStreams } from './log-record.js';

/** I16: attempts within their bounds, backoffs within theirs, and nothing visible again before its time. */
export function faultsOfRetries(log: LogRecord): string[] {
  const faults: string[] = [];
  const policies = policiesOf(log);
  const takenBack = takenBackIn(log);
  const spent = new Map<string, { attempts: number; infra: number }>();
  for (const { event } of eventsOf(log, streams.leases())) {
    if (event.type === 'LeaseEnded' && event.outcome !== 'ok') {
      const so = spent.get(event.task) ?? { attempts: 0, infra: 0 };
      const cost = COST_OF[event.outcome];
      if (cost === 'attempts') so.attempts++;
      if (cost === 'infra') so.infra++;
      spent.set(event.task, so);
    } else if (event.type === 'LeaseGranted') {
      const policy = policies.get(event.task);
      const so = spent.get(event.task);
      // One that is taken back is no attempt: a push that came again after the task was given up.
      if (policy === undefined || so === undefined || takenBack.has(event.fence)) continue;
      if (so.attempts >= policy.maxAttempts)
        faults.push(
          `I16 ${event.task} has an attempt after the ${String(policy.maxAttempts)} that it may have`,
        );
      if (so.infra > policy.lostBudget)
        faults.push(`I16 ${event.task} has an attempt after ${String(so.infra)} losses`);
    }
  }
  const until = new Map<string, number>();
  for (const { event, envelope } of eventsOf(log, streams.queue())) {
    if (event.type === 'TaskBackedOff') {
      const wait = event.until - envelope.at;
      const policy = policies.get(event.id);
      const longest = policy === undefined ? Infinity : longestWaitMs(policy);
      if (wait < 0 || wait > longest) faults.push(`I16 ${event.id} backs off for ${String(wait)} ms`);
      until.set(event.id, event.until);
    } else if (event.type === 'TasksVisible') {
      for (const id of event.ids)
        if (isEarly(envelope.at, until.get(id) ?? 0, policies.get(id)))
          faults.push(`I16 ${id} is visible before its time`);
    }
  }
  return faults;
}

/** Whoever wrote a time further away than any wait had a clock that was ahead: that one is not waited for. */
function isEarly(at: number, until: number, policy: RetryPolicy | undefined): boolean {
  return at < until && (policy === undefined || until - at <= longestWaitMs(policy));
}

function policiesOf(log: LogRecord): Map<string, RetryPolicy> {
  const policies = new Map<string, RetryPolicy>();
  for (const stream of taskStreams(log)) {
    const specs = new Map<number, SchedulingSpec>();
    for (const { event } of eventsOf(log, stream)) {
      if (event.type === 'SpecDefined') specs.set(event.n, event.spec);
      else if (event.type === 'TaskSubmitted') {
        const spec = specs.get(event.spec);
        if (spec !== undefined) policies.set(event.id, spec.retry);
      }
    }
  }
  return policies;
}
