import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '@yardmaster/kernel';

const running = new AsyncLocalStorage<SimProcess>();
const EPOCH = Date.UTC(2026, 0, 1);

/**
 * One process of a simulation: a service, a worker, a client. What its code sets going (timers, promises) belongs to it. Stopped
 * (SIGSTOP), what arrives waits; dead, nothing of it ever happens again.
 */
export class SimProcess {
  state: 'up' | 'stopped' | 'dead' = 'up';
  /** No message of it arrives, and none reaches it. */
  isCutFromOthers = false;
  /** Its clock on the wall is off by this. */
  wallOffsetMs = 0;
  #waiting: (() => void)[] = [];
  readonly clock: Clock;

  constructor(
    readonly name: string,
    time: { readonly now: number },
  ) {
    this.clock = { now: () => EPOCH + time.now + this.wallOffsetMs, monotonic: () => time.now };
  }

  static current(): SimProcess | null {
    return running.getStore() ?? null;
  }

  run(act: () => void): void {
    if (this.state === 'dead') return;
    if (this.state === 'stopped') this.#waiting.push(act);
    else running.run(this, act);
  }

  stop(): void {
    if (this.state === 'up') this.state = 'stopped';
  }

  resume(): void {
    if (this.state !== 'stopped') return;
    this.state = 'up';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const act of waiting) this.run(act);
  }

  kill(): void {
    this.state = 'dead';
    this.#waiting = [];
  }
}
