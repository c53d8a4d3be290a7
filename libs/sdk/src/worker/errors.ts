/** Thrown by a handler: trying again would not help. The task fails at once, whatever its retry policy says. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

export interface RetryableErrorOptions extends ErrorOptions {
  /** Wish for the earliest next try, ms. The task's own backoff decides as long as the yard does not read this. */
  readonly retryAfter?: number;
}

/** Thrown by a handler: worth another try, as any other error is; says so in the code. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
  readonly retryAfter: number | null;

  constructor(message: string, options: RetryableErrorOptions = {}) {
    super(message, options);
    this.retryAfter = options.retryAfter ?? null;
  }
}

/** Reason of `ctx.signal` and of `ctx.heartbeat()` once the attempt has to end. */
export class AttemptEndedError extends Error {
  override readonly name = 'AttemptEndedError';
  constructor(readonly reason: 'cancelled' | 'over-cap' | 'withdrawn' | 'lost' | 'drained') {
    super(`the attempt has to end: ${reason}`);
  }
}
