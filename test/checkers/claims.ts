import type { Journal } from './journal.js';
import { eventsOf, type LogRecord, taskStreams } from './log-record.js';

/** I8: one key, one submission: every good answer names the same ids, another body is refused, the log holds one claim. */
export function faultsOfClaims(log: LogRecord, { submissions }: Pick<Journal, 'submissions'>): string[] {
  const faults: string[] = [];
  const first = new Map<string, { ids: string; body: string }>();
  for (const { tenant, key, body, outcome, code, ids } of submissions) {
    if (key === null) continue;
    const known = first.get(`${String(tenant)} ${key}`);
    if (outcome === 'ok') {
      if (known === undefined) first.set(`${String(tenant)} ${key}`, { ids: ids.join(), body });
      else if (known.body !== body) faults.push(`I8 key ${key} was accepted with two bodies`);
      else if (known.ids !== ids.join())
        faults.push(`I8 key ${key} stands for ${known.ids}, and then for ${ids.join()}`);
    } else if (outcome === 'refused' && code === 'idempotency-mismatch' && known?.body === body)
      faults.push(`I8 key ${key} was refused with the body that it was accepted with`);
  }
  const claimed = new Map<string, string>();
  for (const stream of taskStreams(log))
    for (const { event, envelope } of eventsOf(log, stream)) {
      if (event.type !== 'TaskSubmitted' && event.type !== 'WorkflowSubmitted') continue;
      if (event.claim === null || (event.type === 'TaskSubmitted' && event.workflow !== null)) continue;
      const key = `${String(event.tenant)} ${event.claim.key}`;
      const at = `${stream} ${envelope.commit}`;
      const earlier = claimed.get(key);
      if (earlier === undefined) claimed.set(key, at);
      else if (earlier !== at) faults.push(`I8 claim ${key} stands in ${earlier} and in ${at}`);
    }
  return faults;
}
