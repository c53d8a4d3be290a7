import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  isBlobRef,
  type Assignment,
  type HeldAttempt,
  type KillOrder,
  type Note,
  type Report,
  type ReportMore,
} from '@yardmaster/contracts';
import { retryTransient, WorkerHttp } from './session/worker-http.js';
import { WorkerSession, type TextSource } from './session/worker-session.js';
import { Attempt, type AttemptContext } from './worker/attempt.js';
import { RetryableError, Snooze, TerminalError } from './worker/errors.js';
import { inHandlerSpan } from './worker/handler-span.js';
import { prepareResult } from './worker/result.js';

/** A function that does the work of tasks with `run.handler`; what it returns (JSON) is the task's result. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the author of a handler states what input it takes
export type Handler = (input: any, ctx: AttemptContext) => unknown;

export interface WorkerOptions {
  readonly url: TextSource;
  readonly token: TextSource;
  readonly handlers: Readonly<Record<string, Handler>>;
  /** Attempts at once; default 100. */
  readonly concurrency?: number;
  /** Shown in lists; default the host's name and the process id. */
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Kept over restarts by whoever wants one row per worker; default a new one per process. */
  readonly id?: string;
  /** Stops the worker gracefully, as `stop()` does. */
  readonly signal?: AbortSignal;
}

export interface StopOptions {
  /** Attempts still running after this are given back to the yard, ms; default 10 s. */
  readonly withinMs?: number;
}

type Outcome = Report[3];

const TICK_MS = 100;
/** A handler that was told to end and goes on is reported without it after this long. */
const GRACE_MS = 3_000;
/** Synchronous handlers give way to the session after this long. */
const TURN_MS = 15;
const ERROR_CHARS = 4_000;

/**
 * Runs handlers in this process. `run()` resolves after `stop()`, and rejects when the yard refuses the key.
 *
 * Owns: the attempts that it was granted, from the frame that brought them to their report. Handlers that outlive
 * their attempt cannot be stopped in the same process: they lose their lease, and their results are thrown away.
 */
export class Worker {
  readonly id: string;
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #concurrency: number;
  readonly #session: WorkerSession;
  readonly #http: WorkerHttp;
  readonly #running = new Map<string, Attempt>();
  /** Attempts with something new to tell. */
  readonly #noted = new Set<Attempt>();
  #waiting: Assignment[] = [];
  #next = 0;
  #pumping = false;
  #stopping = false;
  #tick: NodeJS.Timeout | undefined;
  #ended: { resolve: () => void; reject: (error: Error) => void } | null = null;
  #idle: (() => void) | null = null;

  constructor(private readonly options: WorkerOptions) {
    this.id = options.id ?? `sdk-${randomUUID()}`;
    this.#handlers = new Map(Object.entries(options.handlers));
    this.#concurrency = options.concurrency ?? 100;
    if (!Number.isInteger(this.#concurrency) || this.#concurrency < 1)
      throw new RangeError('concurrency has to be a whole number of at least 1');
    if (this.#handlers.size === 0) throw new RangeError('a worker needs at least one handler');
    this.#http = new WorkerHttp(options.url, options.token);
    this.#session = new WorkerSession({
      url: options.url,
      token: options.token,
      worker: this.id,
      join: {
        incarnation: randomUUID(),
        kind: 'sdk',
        name: options.name ?? `${hostname()}-${process.pid}`,
        capacity: { slots: this.#concurrency },
        handlers: [...this.#handlers.keys()],
        labels: options.labels ?? {},
      },
      running: () => this.#held(),
      load: () => Math.min(1, this.#running.size / this.#concurrency),
      notes: (all) => this.#notes(all),
      onRun: (assignments) => {
        this.#take(assignments);
      },
      onKill: (orders) => {
        this.#kill(orders);
      },
      onSilence: (isOver) => {
        this.#endLost(isOver);
      },
      onRefused: (code, detail) => {
        if (code === 'unauthenticated' || code === 'forbidden')
          void this.#finish(new Error(`the yard refused this worker: ${code} (${detail})`));
      },
    });
  }

  /** Attempts that run now. */
  get running(): number {
    return this.#running.size;
  }

  async run(): Promise<void> {
    if (this.#ended !== null) throw new Error('this worker runs already');
    const ended = new Promise<void>((resolve, reject) => {
      this.#ended = { resolve, reject };
    });
    const { signal } = this.options;
    if (signal?.aborted) return;
    signal?.addEventListener('abort', () => void this.stop(), { once: true });
    this.#tick = setInterval(() => {
      this.#onTick();
    }, TICK_MS);
    this.#session.start();
    await ended;
  }

  /** Takes nothing new, lets attempts finish, gives back the rest, says bye. */
  async stop({ withinMs = 10_000 }: StopOptions = {}): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    if (this.#running.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        this.#idle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#idle = null;
    }
    const now = performance.now();
    for (const attempt of this.#running.values()) {
      attempt.end('drained', now);
      this.#giveUp(attempt);
    }
    for (let k = this.#next; k < this.#waiting.length; k++) {
      const [task, number, fence] = this.#waiting[k]!;
      this.#session.report([task, number, fence, 'drained', null, null, null, null]);
    }
    this.#waiting = [];
    this.#next = 0;
    if (this.#session.isJoined) await this.#session.settled(5_000);
    await this.#finish(null);
  }

  async #finish(error: Error | null): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#tick);
    await this.#session.close();
    this.#http.close();
    if (error === null) this.#ended?.resolve();
    else this.#ended?.reject(error);
  }

  #take(assignments: readonly Assignment[]): void {
    for (const assignment of assignments) this.#waiting.push(assignment);
    if (!this.#pumping) this.#pump();
  }

  readonly #pump = (): void => {
    this.#pumping = false;
    // What arrives while stopping waits here to be given back.
    if (this.#stopping) return;
    const began = performance.now();
    let now = began;
    while (this.#next < this.#waiting.length && this.#running.size < this.#concurrency) {
      if (now - began > TURN_MS) {
        this.#pumping = true;
        setImmediate(this.#pump);
        return;
      }
      this.#begin(this.#waiting[this.#next++]!, now);
      now = performance.now();
    }
    if (this.#next === this.#waiting.length) {
      this.#waiting = [];
      this.#next = 0;
    } else if (this.#next > 4_096) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
  };

  #begin([task, number, fence, work]: Assignment, now: number): void {
    const held = this.#running.get(task);
    // Said twice: it runs already, or its report is on the way.
    if (held?.attempt === number && held.fence === fence) return;
    if (this.#session.unsettled > 0 && this.#session.isUnsettled(task, number, fence)) return;
    const attempt = new Attempt(task, number, fence, work, now, now + work.capMs, (one) => {
      this.#noted.add(one);
    });
    const handler = work.handler === null ? undefined : this.#handlers.get(work.handler);
    if (handler === undefined) {
      this.#report(attempt, 'infra', null, `this worker has no handler ${JSON.stringify(work.handler)}`);
      return;
    }
    if (isBlobRef(attempt.input) || (work.parents !== null && Object.values(work.parents).some(isBlobRef))) {
      this.#running.set(task, attempt);
      void this.#fetchThenCall(attempt, handler);
      return;
    }
    this.#call(attempt, handler);
  }

  async #fetchThenCall(attempt: Attempt, handler: Handler): Promise<void> {
    const { tenant } = attempt.work;
    const fetched = async (value: unknown): Promise<unknown> =>
      isBlobRef(value)
        ? (JSON.parse(
            (await retryTransient(4, () => this.#http.getBlob(tenant, value.$blob))).toString(),
          ) as unknown)
        : value;
    try {
      attempt.input = await fetched(attempt.input);
      const parents: Record<string, unknown> = {};
      for (const [key, value] of Object.entries(attempt.parents)) parents[key] = await fetched(value);
      attempt.parents = parents;
    } catch (error) {
      if (this.#isLive(attempt))
        this.#end(attempt, 'infra', null, `the input could not be fetched: ${String(error)}`);
      return;
    }
    if (this.#isLive(attempt)) this.#call(attempt, handler);
  }

  #call(attempt: Attempt, handler: Handler): void {
    let returned: unknown;
    try {
      const { traceparent } = attempt.work;
      returned =
        traceparent === null
          ? handler(attempt.input, attempt)
          : inHandlerSpan(traceparent, attempt, () => handler(attempt.input, attempt));
    } catch (error) {
      this.#failed(attempt, error);
      return;
    }
    if (isThenable(returned)) {
      this.#running.set(attempt.taskId, attempt);
      returned.then(
        (value) => {
          if (this.#isLive(attempt)) this.#succeeded(attempt, value);
        },
        (error: unknown) => {
          if (this.#isLive(attempt)) this.#failed(attempt, error);
        },
      );
      return;
    }
    this.#succeeded(attempt, returned);
  }

  #succeeded(attempt: Attempt, value: unknown): void {
    const prepared = prepareResult(value);
    if (prepared.kind === 'inline') this.#end(attempt, 'ok', prepared.value, null);
    else if (prepared.kind === 'refused')
      this.#end(attempt, 'permanent', null, `the result is not JSON: ${prepared.reason}`);
    else {
      this.#running.set(attempt.taskId, attempt);
      retryTransient(5, () => this.#http.putBlob(attempt.work.tenant, prepared.bytes)).then(
        (sha256) => {
          if (this.#isLive(attempt)) this.#end(attempt, 'ok', { $blob: sha256 }, null);
        },
        (error: unknown) => {
          if (this.#isLive(attempt))
            this.#end(attempt, 'infra', null, `the result could not be stored: ${String(error)}`);
        },
      );
    }
  }

  #failed(attempt: Attempt, error: unknown): void {
    if (error instanceof Snooze)
      this.#end(attempt, 'snoozed', null, error.message, { retryAfterMs: error.duration });
    else if (error instanceof RetryableError && error.retryAfter !== null)
      this.#end(attempt, 'app', null, describe(error), { retryAfterMs: error.retryAfter });
    else this.#end(attempt, error instanceof TerminalError ? 'permanent' : 'app', null, describe(error));
  }

  #isLive(attempt: Attempt): boolean {
    return this.#running.get(attempt.taskId) === attempt;
  }

  /** The attempt is over, one way or another. */
  #end(
    attempt: Attempt,
    outcome: Outcome,
    result: unknown,
    error: string | null,
    more?: Pick<ReportMore, 'retryAfterMs'>,
  ): void {
    this.#leave(attempt);
    // Once it was told to end, that is how it ended.
    if (attempt.ending !== null) this.#report(attempt, attempt.ending, null, error);
    else this.#report(attempt, outcome, result, error, more);
  }

  #giveUp(attempt: Attempt): void {
    if (!this.#isLive(attempt)) return;
    this.#leave(attempt);
    const text =
      attempt.ending === 'over-cap'
        ? `the attempt went over its execution cap (${attempt.work.capMs} ms were left when it came here)`
        : null;
    this.#report(attempt, attempt.ending ?? 'lost', null, text);
  }

  #leave(attempt: Attempt): void {
    if (!this.#isLive(attempt)) return;
    this.#running.delete(attempt.taskId);
    if (this.#running.size === 0) this.#idle?.();
    if (this.#next < this.#waiting.length && !this.#pumping && !this.#stopping) {
      this.#pumping = true;
      setImmediate(this.#pump);
    }
  }

  #report(
    attempt: Attempt,
    outcome: Outcome,
    result: unknown,
    error: string | null,
    more?: Pick<ReportMore, 'retryAfterMs'>,
  ): void {
    if (this.#noted.size > 0) this.#noted.delete(attempt);
    const isKept = attempt.kept !== undefined && outcome !== 'ok';
    const wallMs = Math.round(performance.now() - attempt.startedAt);
    // What took no time that could be counted is not worth its bytes.
    const usage = wallMs > 0 ? { wallMs, cpuMs: null, maxRssBytes: null } : null;
    const { taskId, attempt: number, fence } = attempt;
    this.#session.report(
      isKept || more !== undefined
        ? [
            taskId,
            number,
            fence,
            outcome,
            null,
            usage,
            result,
            error,
            { ...more, ...(isKept ? { checkpoint: attempt.kept } : {}) },
          ]
        : [taskId, number, fence, outcome, null, usage, result, error],
    );
  }

  #notes(all: boolean): Note[] {
    const notes: Note[] = [];
    if (all) {
      for (const attempt of this.#running.values())
        if (attempt.progress !== null || attempt.kept !== undefined) notes.push(attempt.note());
    } else for (const attempt of this.#noted) if (this.#isLive(attempt)) notes.push(attempt.note());
    this.#noted.clear();
    return notes;
  }

  #kill(orders: readonly KillOrder[]): void {
    const now = performance.now();
    for (const [task, number, fence, reason] of orders) {
      const attempt = this.#running.get(task);
      if (attempt?.attempt === number && attempt.fence === fence) {
        attempt.end(reason, now);
        if (reason === 'lost') this.#leave(attempt);
        continue;
      }
      const at = this.#waiting.findIndex(
        (one, k) => k >= this.#next && one[0] === task && one[1] === number && one[2] === fence,
      );
      if (at >= 0) this.#waiting.splice(at, 1);
      // Whoever gave the order waits for an end, also of an attempt that never arrived here.
      if (reason !== 'lost' && !this.#session.isUnsettled(task, number, fence))
        this.#session.report([task, number, fence, reason, null, null, null, null]);
    }
  }

  /** Ends what has no lease any more. */
  #endLost(isOver: (leaseTtlMs: number | undefined) => boolean): void {
    const now = performance.now();
    for (const attempt of this.#running.values()) {
      if (!isOver(attempt.work.leaseTtlMs)) continue;
      attempt.end('lost', now);
      this.#giveUp(attempt);
    }
    const waiting = this.#waiting.slice(this.#next);
    this.#waiting = waiting.filter(([, , , work]) => !isOver(work.leaseTtlMs));
    this.#next = 0;
    for (const [task, number, fence, work] of waiting)
      if (isOver(work.leaseTtlMs))
        this.#session.report([task, number, fence, 'lost', null, null, null, null]);
  }

  /** The only clock of all attempts: caps and graces are counted here. */
  #onTick(): void {
    if (this.#running.size === 0) return;
    const now = performance.now();
    for (const attempt of this.#running.values()) {
      if (attempt.ending === null) {
        if (now >= attempt.deadline) attempt.end('over-cap', now);
      } else if (now - attempt.endingSince >= GRACE_MS) this.#giveUp(attempt);
    }
  }

  #held(): HeldAttempt[] {
    const held: HeldAttempt[] = [];
    for (const { taskId, attempt, fence } of this.#running.values()) held.push([taskId, attempt, fence]);
    for (let k = this.#next; k < this.#waiting.length; k++)
      held.push([this.#waiting[k]![0], this.#waiting[k]![1], this.#waiting[k]![2]]);
    return held;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

function describe(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error);
  return text.length > ERROR_CHARS ? `${text.slice(0, ERROR_CHARS)}…` : text;
}
