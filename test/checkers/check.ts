import { faultsOfCancels } from './cancels.js';
import { faultsOfCauses } from './causes.js';
import { faultsOfChain } from './chain.js';
import { faultsOfClaims } from './claims.js';
import { faultsOfEnds } from './ends.js';
import type { Journal } from './journal.js';
import { faultsOfLeases } from './leases.js';
import type { LogRecord } from './log-record.js';
import { faultsOfParents } from './parents.js';
import { faultsOfReports } from './reports.js';
import { faultsOfRetries } from './retries.js';
import { faultsOfRuns, type RunBounds } from './runs.js';
import { faultsOfSteps } from './steps.js';
import { faultsOfTokens } from './tokens.js';

export interface CheckOptions {
  /** Everything was given its time: what has not ended by now never will (I6). */
  readonly isDrained: boolean;
  /** What those outside saw; without it only the log is judged. */
  readonly journal?: Journal;
  readonly bounds?: RunBounds;
}

/**
 * Every invariant of reliability that a log and a journal can show: I1-I3, I5-I9, I13, I15-I17, I21, each fault a sentence
 * that begins with its name. The same for a simulated cell and for the log of a real yard (`readLog`).
 */
export function faultsOf(log: LogRecord, { isDrained, journal, bounds }: CheckOptions): string[] {
  const accepted = journal?.submissions.flatMap(({ ids }) => ids) ?? [];
  return [
    ...faultsOfChain(log),
    ...faultsOfEnds(log, accepted, isDrained),
    ...faultsOfLeases(log, isDrained),
    ...faultsOfParents(log),
    ...faultsOfSteps(log),
    ...faultsOfRetries(log),
    ...faultsOfTokens(log),
    ...faultsOfCauses(log, isDrained),
    ...faultsOfCancels(log, journal),
    ...(journal === undefined ? [] : [...faultsOfReports(log, journal), ...faultsOfClaims(log, journal)]),
    ...(journal === undefined || bounds === undefined ? [] : faultsOfRuns(journal, bounds)),
  ];
}
