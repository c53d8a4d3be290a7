import type { Report, ReportAnswer } from '@yardmaster/contracts';

/** Where a worker keeps the ends of its attempts until the yard has answered them. */
export interface ReportJournal {
  /** Reports of an earlier life of this worker that were never answered, oldest first. Called once, before the first connection. */
  pending(): readonly Report[];
  /** Resolves when all of them are on disk: only then are they sent. One call at a time. */
  append(reports: readonly Report[]): Promise<void>;
  /** These were answered. May be lost in a crash: a report sent again is answered again. */
  settle(answers: readonly ReportAnswer[]): void;
}
