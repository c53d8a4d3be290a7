import type { HeldAttempt, Report, ReportAnswer } from '@yardmaster/contracts';

interface Entry {
  readonly report: Report;
  /** Monotonic ms; null until it was sent over the present connection. */
  sentAt: number | null;
  /** On disk, where there is a journal. */
  kept: boolean;
}

/** Reports that the yard has not answered yet, in the order they were made. */
export class UnsettledReports {
  readonly #entries = new Map<string, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  has(task: string, attempt: number, fence: number): boolean {
    return this.#entries.has(key(task, attempt, fence));
  }

  add(report: Report, kept: boolean): void {
    this.#entries.set(key(report[0], report[1], report[2]), { report, sentAt: null, kept });
  }

  markKept(reports: readonly Report[]): void {
    for (const report of reports) {
      const entry = this.#entries.get(key(report[0], report[1], report[2]));
      if (entry !== undefined) entry.kept = true;
    }
  }

  markSent(reports: readonly Report[], at: number): void {
    for (const report of reports) {
      const entry = this.#entries.get(key(report[0], report[1], report[2]));
      if (entry !== undefined) entry.sentAt = at;
    }
  }

  settle(answers: readonly ReportAnswer[]): void {
    for (const [task, attempt, fence] of answers) this.#entries.delete(key(task, attempt, fence));
  }

  /** What to send again: kept, and not sent since `before`. */
  due(before: number): Report[] {
    const reports: Report[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.kept && (entry.sentAt === null || entry.sentAt <= before)) reports.push(entry.report);
    }
    return reports;
  }

  /** The connection is gone: nobody knows what arrived. */
  forgetSends(): void {
    for (const entry of this.#entries.values()) entry.sentAt = null;
  }

  held(): HeldAttempt[] {
    const held: HeldAttempt[] = [];
    for (const { report } of this.#entries.values()) held.push([report[0], report[1], report[2]]);
    return held;
  }
}

function key(task: string, attempt: number, fence: number): string {
  return `${task}:${attempt}:${fence}`;
}
