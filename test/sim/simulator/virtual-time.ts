import { SimProcess } from './sim-process.js';

interface Timer {
  readonly at: number;
  readonly n: number;
  readonly act: () => void;
  readonly owner: SimProcess | null;
}

/** More turns than this without a pause: something feeds itself. */
const MAX_TURNS = 2_000;
const realImmediate = setImmediate;

/**
 * Time of a simulation: it stands still but for `advance`. While installed, timers, immediates and `Math.random` of all code
 * in this thread are the simulation's; each timer belongs to the process that set it, stops with it and dies with it.
 */
export class VirtualTime {
  /** True time, ms: monotonic, the same for all. */
  now = 0;
  #count = 0;
  #timers: Timer[] = [];
  #immediates: Timer[] = [];
  readonly uncaught: unknown[] = [];

  install(random: () => number): () => void {
    const real = {
      setTimeout: globalThis.setTimeout,
      clearTimeout: globalThis.clearTimeout,
      setImmediate: globalThis.setImmediate,
      random: Math.random,
    };
    const set = (act: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): Timer =>
      this.after(ms, () => {
        act(...args);
      });
    globalThis.setTimeout = set as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((timer: Timer | undefined) => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    }) as unknown as typeof clearTimeout;
    globalThis.setImmediate = ((act: () => void) => {
      this.soon(act);
    }) as unknown as typeof setImmediate;
    Math.random = random;
    return () => {
      globalThis.setTimeout = real.setTimeout;
      globalThis.clearTimeout = real.clearTimeout;
      globalThis.setImmediate = real.setImmediate;
      Math.random = real.random;
    };
  }

  after(ms: number, act: () => void, owner = SimProcess.current()): Timer {
    const timer = { at: this.now + Math.max(0, ms), n: ++this.#count, act, owner, unref: () => timer };
    this.#timers.push(timer);
    return timer;
  }

  soon(act: () => void, owner = SimProcess.current()): void {
    this.#immediates.push({ at: this.now, n: ++this.#count, act, owner });
  }

  /** Lets everything that can happen now happen. */
  async settle(): Promise<void> {
    for (let turns = 0; ; turns++) {
      await new Promise<void>((resolve) => {
        realImmediate(resolve);
      });
      const due = this.#immediates;
      if (due.length === 0) return;
      if (turns > MAX_TURNS) throw new Error('it never comes to rest: something feeds itself');
      this.#immediates = [];
      for (const one of due) this.#run(one);
    }
  }

  async advance(ms: number): Promise<void> {
    const until = this.now + ms;
    let since = this.now;
    for (let turns = 0; ; turns++) {
      if (this.now > since) {
        since = this.now;
        turns = 0;
      }
      if (turns > MAX_TURNS) throw new Error('time stands still: a timer sets itself again at once');
      let next = Infinity;
      for (const { at } of this.#timers) next = Math.min(next, at);
      if (next > until) break;
      this.now = Math.max(this.now, next);
      const due = this.#timers.filter(({ at }) => at <= this.now).sort((a, b) => a.at - b.at || a.n - b.n);
      this.#timers = this.#timers.filter(({ at }) => at > this.now);
      for (const timer of due) this.#run(timer);
      await this.settle();
    }
    this.now = until;
  }

  #run({ act, owner }: Timer): void {
    try {
      if (owner === null) act();
      else owner.run(act);
    } catch (error) {
      this.uncaught.push(error);
    }
  }
}
