import type { Outcome } from '@yardmaster/domain';

/**
 * What those outside the yard saw: clients and workers. It is written by them, never by the system under test. Times are of
 * one clock that all of them share and that never goes back, ms.
 */
export interface Journal {
  readonly submissions: readonly SubmissionNote[];
  readonly cancels: readonly CancelNote[];
  readonly runs: readonly RunNote[];
  readonly reports: readonly ReportNote[];
}

/** One answer to one request to submit; `unknown` = none came, so that it may have been carried out or not. */
export interface SubmissionNote {
  readonly tenant: number;
  /** Idempotency key and body as the client named them; null when it named none. */
  readonly key: string | null;
  readonly body: string;
  readonly outcome: 'ok' | 'refused' | 'unknown';
  readonly code: string | null;
  readonly ids: readonly string[];
}

export interface CancelNote {
  readonly id: string;
  /** When its acknowledgement arrived. */
  readonly at: number;
}

/** One attempt as the worker ran it. */
export interface RunNote {
  readonly worker: string;
  readonly task: string;
  readonly attempt: number;
  readonly fence: number;
  readonly from: number;
  /** null while it goes on. */
  until: number | null;
}

/** One answer to one report of an attempt's end. */
export interface ReportNote {
  readonly worker: string;
  readonly task: string;
  readonly attempt: number;
  readonly fence: number;
  readonly outcome: Outcome;
  readonly answer: 'ok' | 'gone';
}
