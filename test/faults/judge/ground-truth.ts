import { streams } from '@yardmaster/contracts';
import { adoptedIn } from '../../checkers/leases.js';
import { eventsOf, type LogRecord } from '../../checkers/log-record.js';
import type { Execution } from '../load/truth.js';

/**
 * What the log says ran against what wrote itself down: every accepted success was run to its end by the very attempt that it is
 * credited to, or by the one before it where its late finish was adopted; and no attempt began twice.
 */
export function faultsOfTruth(
  log: LogRecord,
  executions: readonly Execution[],
  isOurs: (id: string) => boolean,
): string[] {
  const faults: string[] = [];
  const begun = new Map<string, Execution[]>();
  for (const one of executions) {
    const key = `${one.task} ${String(one.attempt)} ${String(one.fence)}`;
    const known = begun.get(key);
    if (known === undefined) begun.set(key, [one]);
    else known.push(one);
  }
  for (const [key, all] of begun)
    if (all.length > 1)
      faults.push(`I2 attempt ${key} began ${String(all.length)} times: ${all.map(({ by }) => by).join()}`);
  const adopted = adoptedIn(log);
  const finished = executions.filter(({ hasFinished }) => hasFinished);
  for (const { event } of eventsOf(log, streams.leases())) {
    if (event.type !== 'LeaseEnded' || event.outcome !== 'ok' || !isOurs(event.task)) continue;
    if (adopted.has(event.fence)) {
      if (!finished.some(({ task, fence }) => task === event.task && fence < event.fence))
        faults.push(
          `truth: the log adopts the end of ${event.task}, and no attempt of it wrote that it ended`,
        );
      continue;
    }
    const key = `${event.task} ${String(event.attempt)} ${String(event.fence)}`;
    if (begun.get(key)?.some(({ hasFinished }) => hasFinished) !== true)
      faults.push(`truth: the log says attempt ${key} ended well, and it never wrote that it did`);
  }
  return faults;
}
