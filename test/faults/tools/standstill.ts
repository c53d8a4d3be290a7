const TICK_MS = 200;

/** Notices when this process, and so most likely the whole machine, stood still. */
export class Standstill {
  /** Sum, ms. */
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

  /** For the table; '' when it did not. */
  note(): string {
    return this.totalMs === 0
      ? ''
      : `the machine itself stood still for ${(this.totalMs / 1_000).toFixed(0)} s`;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
