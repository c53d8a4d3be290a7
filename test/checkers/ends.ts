import type { LogRecord } from './log-record.js';
import { toldOf } from './told.js';

/** I1: what was acknowledged is on disk, and nothing ends twice; once drained, everything has ended. */
export function faultsOfEnds(log: LogRecord, acknowledged: Iterable<string>, isDrained: boolean): string[] {
  const faults: string[] = [];
  const told = toldOf(log);
  for (const id of acknowledged)
    if (told.get(id)?.submitted == null) faults.push(`I1 ${id} was acknowledged and is not in the log`);
  for (const [id, { submitted, ends }] of told) {
    if (submitted === null) faults.push(`I1 ${id} ended as ${ends.join()} and was never submitted`);
    if (ends.length > 1) faults.push(`I1 ${id} ended ${String(ends.length)} times: ${ends.join()}`);
    if (isDrained && ends.length === 0)
      faults.push(`I1 ${id} (${submitted?.sealed.name ?? '?'}) never ended`);
  }
  return faults;
}
