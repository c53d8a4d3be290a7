import type { HeldAttempt, Report, ReportAnswer } from '@yardmaster/contracts';

/** A report on its way. */
export interface Unsettled {
  readonly report: Report;
  /** Monotonic ms; null until it was sent over the present connection. */
  sentAt: number | null;
  /** On disk, where there is a journal. */
  kept: boolean;
  /** Of a later attempt of the same task. */
  next: Unsettled | null;
}

/** Reports that the yard has not answered yet, tasks in the order of their first, attempts of a task in the order they were made. */
export class UnsettledReports {
  /** First of each task: nearly always the only one, and then nothing is made but its entry. */
  readonly #first = new Map<string, Unsettled>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(task: string, attempt: number, fence: number): boolean {
    let entry = this.#first.get(task);
    while (entry !== undefined && !isOf(entry, attempt, fence)) entry = entry.next ?? undefined;
    return entry !== undefined;
  }

  /** One that is told again takes the place of the first. */
  add(report: Report, kept: boolean): Unsettled {
    const [task, attempt, fence] = report;
    this.#remove(task, attempt, fence);
    const entry: Unsettled = { report, sentAt: null, kept, next: null };
    let last = this.#first.get(task);
    if (last === undefined) this.#first.set(task, entry);
    else {
      while (last.next !== null) last = last.next;
      last.next = entry;
    }
    this.#size++;
    return entry;
  }

  settle(answers: readonly ReportAnswer[]): void {
    for (const [task, attempt, fence] of answers) this.#remove(task, attempt, fence);
  }

  /** What to send again: kept, and not sent since `before`. */
  due(before: number): Unsettled[] {
    const due: Unsettled[] = [];
    for (const entry of this.#all())
      if (entry.kept && (entry.sentAt === null || entry.sentAt <= before)) due.push(entry);
    return due;
  }

  /** The connection is gone: nobody knows what arrived. */
  forgetSends(): void {
    for (const entry of this.#all()) entry.sentAt = null;
  }

  held(): HeldAttempt[] {
    const held: HeldAttempt[] = [];
    for (const { report } of this.#all()) held.push([report[0], report[1], report[2]]);
    return held;
  }

  *#all(): Generator<Unsettled> {
    for (const first of this.#first.values())
      for (let entry: Unsettled | null = first; entry !== null; entry = entry.next) yield entry;
  }

  #remove(task: string, attempt: number, fence: number): void {
    let before: Unsettled | null = null;
    for (let entry = this.#first.get(task) ?? null; entry !== null; before = entry, entry = entry.next) {
      if (!isOf(entry, attempt, fence)) continue;
      if (before !== null) before.next = entry.next;
      else if (entry.next !== null) this.#first.set(task, entry.next);
      else this.#first.delete(task);
      this.#size--;
      return;
    }
  }
}

function isOf({ report }: Unsettled, attempt: number, fence: number): boolean {
  return report[1] === attempt && report[2] === fence;
}
