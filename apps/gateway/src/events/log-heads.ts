import type { CommittedLog } from '@yardmaster/service-kit';
import { PositionVector, WHOLE } from './position.js';

const REFRESH_MS = 250;

/**
 * Positions for answers to submissions, taken before the request goes to its owner. They may be a moment old, never ahead:
 * a reader that starts there may see an event too many and none too few.
 */
export class LogHeads {
  #position = '';
  #readAt = -Infinity;
  #reading: Promise<void> | null = null;

  constructor(
    private readonly log: CommittedLog,
    private readonly streamNames: readonly string[],
    private readonly monotonic: () => number,
  ) {}

  position(): string | Promise<string> {
    if (this.monotonic() - this.#readAt <= REFRESH_MS) return this.#position;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading.then(() => this.#position);
  }

  async #read(): Promise<void> {
    try {
      const heads = await Promise.all(this.streamNames.map(async (name) => await this.log.head(name)));
      this.#position = new PositionVector(heads.map((seq) => ({ seq, index: WHOLE }))).toString();
      this.#readAt = this.monotonic();
    } catch {
      // The next answer tries again; an older position is still right.
    }
  }
}
