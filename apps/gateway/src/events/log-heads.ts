import type { CommittedLog } from '@yardmaster/service-kit';
import { PositionVector, WHOLE } from './position.js';

const REFRESH_MS = 250;

/**
 * Positions for answers to submissions. Heads of the other streams may be a little old, never ahead: a reader that starts
 * there may see an event too many and none too few.
 */
export class LogHeads {
  #vector: PositionVector | null = null;
  #readAt = -Infinity;
  #reading = false;

  constructor(private readonly log: CommittedLog, private readonly streamNames: readonly string[], private readonly monotonic: () => number) {}

  async start(): Promise<void> {
    await this.#read();
  }

  /** Position right after envelope `seq` of `stream`. */
  after(stream: string, seq: number): string {
    if (this.monotonic() - this.#readAt > REFRESH_MS && !this.#reading) void this.#read();
    const at = this.streamNames.indexOf(stream);
    if (at < 0) return this.#vector?.toString() ?? '';
    this.#vector ??= new PositionVector(this.streamNames.map(() => ({ seq: 0, index: WHOLE })));
    // Events before this envelope are told again rather than lost: the submission's own events come after the position.
    const [before, after] = this.#vector.around(at);
    return before + new PositionVector([{ seq: Math.max(0, seq - 1), index: WHOLE }]).toString().slice(4) + after;
  }

  async #read(): Promise<void> {
    this.#reading = true;
    try {
      const heads = await Promise.all(this.streamNames.map(async (name) => await this.log.head(name)));
      this.#vector = new PositionVector(heads.map((seq) => ({ seq, index: WHOLE })));
      this.#readAt = this.monotonic();
    } catch {
      // The next answer tries again; an older position is still right.
    } finally {
      this.#reading = false;
    }
  }
}
