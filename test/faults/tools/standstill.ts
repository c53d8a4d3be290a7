const TICK_MS = 200;

/** Notices when this process, and so most likely the whole machine, stood still. */
export class Standstill {
  /** Sum of all since `reset`, ms. */
  totalMs = 0;
  #last = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => {
      const now = performance.now();
      const late = now - this.#last - TICK_MS;
      if (late > 3_000) this.totalMs += late;
      this.#last = now;
    }, TICK_MS).unref();
  }

  reset(): void {
    this.totalMs = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
