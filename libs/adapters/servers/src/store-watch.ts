import type { StoreHealth } from './keeper-protocol.js';
import { storeFault } from './nats-health.js';

const EVERY_MS = 4_000;
const PATIENCE_MS = 1_500;
/** A fault that is still there at the next look is none that goes away by itself. */
const LOOKS = 2;
/** The first new start may be the cure; each further one waits twice as long. */
const FIRST_AGAIN_MS = 10_000;
const SLOWEST_AGAIN_MS = 300_000;

/**
 * Looks whether a server that runs still stores: one whose disk was full, or failed, goes on answering and takes nothing until it is
 * started again, however much room there is by then.
 */
export class StoreWatch {
  private readonly timer: NodeJS.Timeout;
  private seen = 0;
  private isLooking = false;
  private againMs = FIRST_AGAIN_MS;
  private notBefore = 0;
  private readonly port: number;
  private readonly health: StoreHealth;
  private readonly onFault: (fault: string) => Promise<void>;

  /** `onFault` ends the server and returns when it is gone. */
  constructor(port: number, health: StoreHealth, onFault: (fault: string) => Promise<void>) {
    this.port = port;
    this.health = health;
    this.onFault = onFault;
    this.timer = setInterval(() => void this.runOnce(performance.now()), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async runOnce(now: number): Promise<void> {
    if (this.isLooking || now < this.notBefore) return;
    this.isLooking = true;
    try {
      const fault = await storeFault(this.port, this.health, PATIENCE_MS);
      this.seen = fault === null ? 0 : this.seen + 1;
      if (fault === null || this.seen < LOOKS) {
        if (fault === null && now > this.notBefore + SLOWEST_AGAIN_MS) this.againMs = FIRST_AGAIN_MS;
        return;
      }
      this.seen = 0;
      await this.onFault(fault);
      this.notBefore = performance.now() + this.againMs;
      this.againMs = Math.min(this.againMs * 2, SLOWEST_AGAIN_MS);
    } finally {
      this.isLooking = false;
    }
  }
}
