import type { Work } from '@yardmaster/contracts';
import { AttemptEndedError } from './errors.js';

/** What a handler is given beside its input. */
export interface AttemptContext {
  /** Decimal id. With `attempt` and `fence` the key for idempotent effects outside. */
  readonly taskId: string;
  /** Counts from 1. */
  readonly attempt: number;
  /** Grows with every lease of the task: a store that remembers the highest one can refuse stale writers. */
  readonly fence: number;
  /** Name of the task. */
  readonly name: string;
  readonly input: unknown;
  /** Results of the parents by key (workflow) or id; empty without parents. */
  readonly parents: Readonly<Record<string, unknown>>;
  readonly traceparent: string | null;
  /** Aborted when the attempt has to end: cancelled, over its cap, its lease lost, or the worker is stopping. */
  readonly signal: AbortSignal;
  /** A checkpoint of a long loop: throws once the attempt has to end. `progress` (0..1) is kept beside the attempt. */
  heartbeat(state?: { readonly progress?: number }): void;
}

export type EndReason = AttemptEndedError['reason'];

/** One attempt inside this process; also what its handler sees of it. */
export class Attempt implements AttemptContext {
  input: unknown;
  parents: Readonly<Record<string, unknown>>;
  progress: number | null = null;
  /** Why it has to end; the first reason stays. */
  ending: EndReason | null = null;
  endingSince = 0;
  #abort: AbortController | null = null;

  constructor(
    readonly taskId: string,
    readonly attempt: number,
    readonly fence: number,
    readonly work: Work,
    /** Monotonic ms. */
    readonly startedAt: number,
    readonly deadline: number,
  ) {
    this.input = work.run.input ?? null;
    this.parents = work.parents ?? NO_PARENTS;
  }

  get name(): string {
    return this.work.name;
  }

  get traceparent(): string | null {
    return this.work.traceparent;
  }

  /** Made on first use: most handlers never look. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.ending !== null) this.#abort.abort(new AttemptEndedError(this.ending));
    }
    return this.#abort.signal;
  }

  heartbeat(state?: { readonly progress?: number }): void {
    if (state?.progress !== undefined) this.progress = state.progress;
    if (this.ending !== null) throw new AttemptEndedError(this.ending);
  }

  end(reason: EndReason, now: number): void {
    if (this.ending !== null) return;
    this.ending = reason;
    this.endingSince = now;
    this.#abort?.abort(new AttemptEndedError(reason));
  }
}

const NO_PARENTS: Readonly<Record<string, unknown>> = Object.freeze({});
