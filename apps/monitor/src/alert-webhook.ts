import { setTimeout as sleep } from 'node:timers/promises';
import type { AlertView } from '@yardmaster/contracts';

const POST_TIMEOUT_MS = 5_000;
/** Before the second, third and fourth try. */
const AGAIN_AFTER_MS: readonly number[] = [1_000, 10_000, 60_000];

export interface WebhookOptions {
  readonly url: string;
  /** Every try failed; the alert stays in the log and in the list. */
  readonly onFailure: (alert: AlertView, why: string) => void;
  readonly againAfterMs?: readonly number[];
}

/**
 * Posts alerts as JSON to an address, in the order in which they were raised and cleared: one that is not taken is tried again
 * before the next is sent.
 */
export class AlertWebhook {
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly options: WebhookOptions) {}

  post(alert: AlertView): void {
    this.#last = this.#last.then(() => this.#deliver(alert));
  }

  /** Resolves when everything posted so far was taken or given up. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #deliver(alert: AlertView): Promise<void> {
    const { onFailure, againAfterMs = AGAIN_AFTER_MS } = this.options;
    for (let tries = 0; ; tries++) {
      const fault = await this.#try(alert);
      if (fault === null) return;
      const pause = againAfterMs[tries];
      if (pause === undefined) {
        onFailure(alert, fault);
        return;
      }
      await sleep(pause, undefined, { ref: false });
    }
  }

  /** Null when it was taken. */
  async #try(alert: AlertView): Promise<string | null> {
    try {
      const answer = await fetch(this.options.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(alert),
        signal: AbortSignal.timeout(POST_TIMEOUT_MS),
      });
      await answer.body?.cancel();
      return answer.ok ? null : `it answered ${String(answer.status)}`;
    } catch (error) {
      const { cause, message } = error as Error;
      return cause instanceof Error ? `${message}: ${cause.message}` : message;
    }
  }
}
