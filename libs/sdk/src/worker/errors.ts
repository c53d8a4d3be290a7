import { durationMs, type Duration } from '../client/duration.js';

/** Thrown by a handler: trying again would not help. The task fails at once, whatever its retry policy says. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

export interface RetryableErrorOptions extends ErrorOptions {
  /** Earliest next try, `'30s'` or ms; the task's own backoff may make it later, never sooner. */
  readonly retryAfter?: Duration;
}

/** Thrown by a handler: worth another try, as any other error is; may say when. It uses up an attempt. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
  /** Ms, or null to leave it to the task's backoff. */
  readonly retryAfter: number | null;

  constructor(message?: string, options?: RetryableErrorOptions);
  constructor(options: RetryableErrorOptions);
  constructor(first: string | RetryableErrorOptions = {}, second: RetryableErrorOptions = {}) {
    const [message, options] = typeof first === 'string' ? [first, second] : ['to be tried again', first];
    super(message, options);
    this.retryAfter = options.retryAfter === undefined ? null : durationMs(options.retryAfter);
  }
}

/** Thrown by a handler: not now. The task is put back for this long and no attempt of its retry policy is used up. */
export class Snooze extends Error {
  override readonly name = 'Snooze';
  /** Ms. */
  readonly duration: number;

  constructor(duration: Duration, message = 'put back by its handler') {
    super(message);
    this.duration = durationMs(duration);
  }
}

/** Reason of `ctx.signal` and of `ctx.heartbeat()` once the attempt has to end. */
export class AttemptEndedError extends Error {
  override readonly name = 'AttemptEndedError';
  constructor(readonly reason: 'cancelled' | 'over-cap' | 'withdrawn' | 'lost' | 'drained') {
    super(`the attempt has to end: ${reason}`);
  }
}
