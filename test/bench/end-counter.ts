import type { Yard } from '@yardmaster/sdk';

/** Counts ends told by the event stream. */
export class EndCounter {
  readonly #stop = new AbortController();
  #ended = 0;
  #goal: { readonly at: number; readonly resolve: () => void } | null = null;
  readonly #following: Promise<void>;
  readonly opened: Promise<undefined>;

  constructor(yard: Yard) {
    const opened = Promise.withResolvers<undefined>();
    this.opened = opened.promise;
    this.#following = yard.onEvents({
      types: ['TaskSucceeded', 'TaskFailed', 'TaskCancelled'],
      signal: this.#stop.signal,
      onOpen: () => {
        opened.resolve(undefined);
      },
      onBatch: (batch) => {
        batch.scan(() => {
          this.#ended++;
        });
        if (this.#goal !== null && this.#ended >= this.#goal.at) this.#goal.resolve();
      },
    });
  }

  /** Resolves when `n` more have ended than at the call. */
  expect(n: number): Promise<void> {
    return new Promise((resolve) => {
      this.#goal = { at: this.#ended + n, resolve };
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }
}
