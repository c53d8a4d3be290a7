import { decodeEnvelope, streams } from '@yardmaster/contracts';
import type { EventLog } from '@yardmaster/ports';
import { StartRefusedError } from './check-log.js';

/** The first owner's marker comes before it. */
const LOOK_AT = 20;

/** Which installation a log is; null for one that is not founded yet. */
export async function installationOf(log: EventLog): Promise<string | null> {
  const { last } = await log.head(streams.cluster);
  for await (const { seq, data } of log.read(streams.cluster, 1, Math.min(last, LOOK_AT)))
    for (const event of decodeEnvelope(streams.cluster, seq, data, () => null).events)
      if (event.type === 'ClusterFounded') return event.installation;
  return null;
}

/** Throws StartRefusedError when the state directory was made by another installation than the log is of. */
export function mustBelong(home: string, known: string | null, found: string | null): void {
  if (known === null || known === found) return;
  throw new StartRefusedError(
    found === null
      ? `the state directory ${home} belongs to installation ${known}, but the broker's log is empty: name the broker that it belongs to (YARD_NATS_URL), put its data back, or set YARD_HOME to another directory`
      : `the state directory ${home} belongs to installation ${known}, but the broker's log is that of ${found}: name the broker that it belongs to (YARD_NATS_URL), or set YARD_HOME to another directory`,
  );
}
