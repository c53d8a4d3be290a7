import { streams } from '@yardmaster/contracts';
import { eventsOf, type LogRecord } from './log-record.js';

const HOUR_MS = 3_600_000;

/** I7 at every prefix: in no hour does a tenant get more tokens than its subscription allows, those given back left out. */
export function faultsOfTokens(log: LogRecord): string[] {
  const faults: string[] = [];
  let now = 0;
  const limits = new Map<string, number | null>();
  const tenants = new Map<number, string>();
  const grants = new Map<number, { block: number; at: number; count: number }[]>();
  for (const { event, envelope } of eventsOf(log, streams.accounts)) {
    if (event.type === 'SubscriptionDefined')
      limits.set(event.subscription.name, event.subscription.tasksPerHour);
    else if (event.type === 'TenantCreated') tenants.set(event.n, event.subscription);
    else if (event.type === 'TokensReturned') {
      const grant = grants.get(event.tenant)?.find(({ block }) => block === event.block);
      if (grant !== undefined) grant.count = Math.max(0, grant.count - event.count);
    } else if (event.type === 'TokensGranted') {
      const limit = limits.get(tenants.get(event.tenant) ?? '') ?? null;
      if (limit === null) continue;
      const of = grants.get(event.tenant) ?? [];
      grants.set(event.tenant, of);
      // A clock that was set back stands still until it has caught up.
      now = Math.max(now, envelope.at);
      of.push({ block: event.block, at: now, count: event.count });
      let sum = 0;
      for (const { at, count } of of) if (at > now - HOUR_MS) sum += count;
      if (sum > limit)
        faults.push(
          `I7 tenant ${String(event.tenant)} has ${String(sum)} tokens within an hour, over its ${String(limit)}, at accounts ${String(envelope.seq)}`,
        );
    }
  }
  return faults;
}
