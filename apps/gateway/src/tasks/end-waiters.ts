import { telemetry, type EndNotice } from '@yardmaster/contracts';
import type { Bus } from '@yardmaster/service-kit';

type Wake = () => void;

/** A notice can be lost: whoever waits looks for itself this often. */
const LOOK_AGAIN_MS = 5_000;

/** Long polls of this gateway, woken by the owners' notices of ends. */
export class EndWaiters {
  readonly #waiting = new Map<string, Set<Wake>>();
  readonly #subscription: { stop(): void };

  constructor(
    bus: Bus,
    readonly gateway: string,
  ) {
    this.#subscription = bus.subscribe(telemetry.ends(gateway), (body) => {
      if (!Array.isArray(body)) return;
      for (const notice of body as readonly EndNotice[])
        for (const wake of this.#waiting.get(notice[0]) ?? []) wake();
    });
  }

  /** Asks `look` until what it shows `hasEnded` or `waitMs` is over; returns what it showed last. `look` names this gateway to the owner. */
  async until<T>(
    id: string,
    waitMs: number,
    signal: AbortSignal | null,
    look: (waiter: string | null) => Promise<T>,
    hasEnded: (seen: T) => boolean,
  ): Promise<T> {
    if (waitMs <= 0) return await look(null);
    const deadline = performance.now() + waitMs;
    let wake: Wake = () => undefined;
    let isTold = false;
    const told: Wake = () => {
      isTold = true;
      wake();
    };
    const wakes = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, wakes.add(told));
    try {
      for (;;) {
        const seen = await look(this.gateway);
        const leftMs = deadline - performance.now();
        if (hasEnded(seen) || leftMs <= 0 || signal?.aborted === true) return seen;
        if (!isTold) {
          await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, Math.min(leftMs, LOOK_AGAIN_MS));
            const stop = (): void => {
              clearTimeout(timer);
              resolve();
            };
            wake = stop;
            signal?.addEventListener('abort', stop, { once: true });
          });
        }
        isTold = false;
      }
    } finally {
      wakes.delete(told);
      if (wakes.size === 0) this.#waiting.delete(id);
    }
  }

  stop(): void {
    this.#subscription.stop();
    for (const wakes of this.#waiting.values()) for (const wake of wakes) wake();
  }
}
