import {
  PHASE_RANK,
  type LeaseEnded,
  type LeaseGranted,
  type Outcome,
  type TaskSubmitted,
} from '@yardmaster/domain';

export type OwnerEnd = 'succeeded' | 'failed' | 'upstream_failed' | 'cancelled' | 'dead';

/** Where an event stands: its envelope's stream, sequence, time and author. */
export interface EventPlace {
  readonly stream: string;
  readonly seq: number;
  readonly at: number;
  readonly node: string;
  readonly epoch: number;
}

/** Positions of one stream, each once. Nearly always two at most, so that is what it has room for. */
export class Seqs {
  count = 0;
  last = 0;
  #first = 0;
  #second = 0;
  #more: number[] | null = null;

  add(seq: number): void {
    if (seq === this.last) return;
    if (this.count === 0) this.#first = seq;
    else if (this.count === 1) this.#second = seq;
    else (this.#more ??= []).push(seq);
    this.count++;
    this.last = seq;
  }

  at(i: number): number {
    if (i === 0) return this.#first;
    return i === 1 ? this.#second : (this.#more?.[i - 2] ?? 0);
  }
}

const NO_LEASE = -1;

/**
 * What a batch changes of one task, each stream's part for itself. Parts of the owner are set once and stay; the queue's and
 * the leases' last word counts. So one change after another gives what one change over both would have given.
 */
export class TaskChange {
  submitted: TaskSubmitted | null = null;
  place: EventPlace | null = null;
  isDue = false;
  isReleased = false;
  isCancelRequested = false;
  end: OwnerEnd | null = null;
  endedAt = 0;
  category: Outcome | null = null;
  error: string | null = null;
  result: unknown = null;
  owner: Seqs | null = null;

  queuePhase = 0;
  /** null = as it was. */
  queueAttempt: number | null = null;
  queue: Seqs | null = null;

  leasePhase = 0;
  fence = NO_LEASE;
  attempt = 0;
  outcome: Outcome | null = null;
  startedAt: number | null = null;
  lease: Seqs | null = null;

  constructor(readonly id: string) {}

  ownerAt(seq: number): this {
    (this.owner ??= new Seqs()).add(seq);
    return this;
  }

  endWith(end: OwnerEnd, at: number, category: Outcome | null, error: string | null, result: unknown): void {
    if (this.end !== null) return;
    this.end = end;
    this.endedAt = at;
    this.category = category;
    this.error = error;
    this.result = result;
  }

  queued(seq: number, phase: keyof typeof PHASE_RANK, attempt: number | null): void {
    (this.queue ??= new Seqs()).add(seq);
    this.queuePhase = PHASE_RANK[phase];
    if (attempt !== null) this.queueAttempt = attempt;
    // Queued again after an attempt is the same as visible again.
    else if (phase === 'queued' && this.queueAttempt !== null && this.queueAttempt > 0)
      this.queuePhase = PHASE_RANK.visible;
  }

  granted(event: LeaseGranted, seq: number, at: number): void {
    (this.lease ??= new Seqs()).add(seq);
    this.startedAt ??= at;
    if (event.fence < this.fence) return;
    this.fence = event.fence;
    this.attempt = event.attempt;
    this.leasePhase = PHASE_RANK.running;
    this.outcome = null;
  }

  ended(event: LeaseEnded, seq: number): void {
    (this.lease ??= new Seqs()).add(seq);
    if (event.fence < this.fence) return;
    this.fence = event.fence;
    this.attempt = event.attempt;
    this.leasePhase = PHASE_RANK['attempt-ended'];
    this.outcome = event.outcome;
  }
}
