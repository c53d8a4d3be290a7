import { INLINE_LIMIT, pack, type Note, type Work } from '@yardmaster/contracts';
import { AttemptEndedError } from './errors.js';
import { prepareResult } from './result.js';

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
  /** To be called in a long loop: throws once the attempt has to end. `progress` (0..1) is shown with the task. */
  heartbeat(state?: { readonly progress?: number }): void;
  /**
   * Keeps a JSON value of at most 8 KB for the next attempt, should this one not get through. The last one counts. It leaves this
   * process within a second; one kept just before the process is killed may be missing.
   * @throws RangeError when it is too large or no JSON
   */
  checkpoint(value: unknown): void;
  /** What an earlier attempt of the task kept, or null. */
  readonly lastCheckpoint: unknown;
}

export type EndReason = AttemptEndedError['reason'];

/** One attempt inside this process; also what its handler sees of it. */
export class Attempt implements AttemptContext {
  input: unknown;
  parents: Readonly<Record<string, unknown>>;
  progress: number | null = null;
  /** Kept by this attempt; undefined = nothing yet. */
  kept: unknown = undefined;
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
    /** Called when there is something new to tell the yard. */
    private readonly onNote: (attempt: Attempt) => void,
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
    if (state?.progress !== undefined && state.progress !== this.progress) {
      this.progress = state.progress;
      this.onNote(this);
    }
    if (this.ending !== null) throw new AttemptEndedError(this.ending);
  }

  get lastCheckpoint(): unknown {
    return this.work.checkpoint ?? null;
  }

  checkpoint(value: unknown): void {
    const prepared = prepareResult(value);
    if (prepared.kind === 'refused') throw new RangeError(`the checkpoint is not JSON: ${prepared.reason}`);
    if (prepared.kind === 'blob' || pack(prepared.value).length > INLINE_LIMIT)
      throw new RangeError(
        `a checkpoint has at most ${String(INLINE_LIMIT)} bytes: keep the data elsewhere and its place here`,
      );
    this.kept = prepared.value;
    this.onNote(this);
  }

  /** What the yard should know of it while it runs. */
  note(): Note {
    const { taskId, attempt, fence, progress, kept } = this;
    return kept === undefined ? [taskId, attempt, fence, progress] : [taskId, attempt, fence, progress, kept];
  }

  end(reason: EndReason, now: number): void {
    if (this.ending !== null) return;
    this.ending = reason;
    this.endingSince = now;
    this.#abort?.abort(new AttemptEndedError(reason));
  }
}

const NO_PARENTS: Readonly<Record<string, unknown>> = Object.freeze({});
