/** When to repeat a call that may be repeated. */
export interface RetryPolicy {
  /** No repeat starts later than this after the first try, ms. 0 = never repeat. */
  readonly forMs: number;
  readonly initialMs: number;
  readonly maxMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { forMs: 30_000, initialMs: 50, maxMs: 5_000 };

/** Full jitter: anything between 0 and a bound that doubles, so that many clients do not come back together. */
export function backoffMs(attempt: number, policy: RetryPolicy, random: () => number = Math.random): number {
  return random() * Math.min(policy.maxMs, policy.initialMs * 2 ** Math.min(attempt, 20));
}

/** Resolves after `ms`, or rejects with the signal's reason. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
