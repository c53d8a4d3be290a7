/**
 * Numbers the envelopes that this process proposes, in the order in which it proposes them, and knows up to which number all
 * are on disk. A proposal rests only on proposals with smaller numbers, so an effect that waits for its number waits for its
 * whole causal closure.
 *
 * Invariant I21: no effect runs before its number is reached; after `abandon` none ever does.
 */
export class CommitLedger {
  #issued = 0;
  #watermark = 0;
  readonly #done = new Set<number>();
  #waiting: { ticket: number; run: () => void }[] = [];
  #head = 0;
  #abandoned = false;

  issue(): number {
    return ++this.#issued;
  }

  get issued(): number {
    return this.#issued;
  }

  get settled(): boolean {
    return this.#watermark === this.#issued;
  }

  /** `run` when everything up to `ticket` is on disk; tickets of calls must not decrease. */
  when(ticket: number, run: () => void): void {
    if (this.#abandoned) return;
    if (ticket <= this.#watermark && this.#head === this.#waiting.length) run();
    else this.#waiting.push({ ticket, run });
  }

  committed(ticket: number): void {
    if (this.#abandoned) return;
    this.#done.add(ticket);
    while (this.#done.delete(this.#watermark + 1)) this.#watermark++;
    while (this.#head < this.#waiting.length) {
      const next = this.#waiting[this.#head];
      if (next === undefined || next.ticket > this.#watermark) break;
      this.#head++;
      next.run();
    }
    if (this.#head > 4096 || this.#head === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
  }

  /** A proposal was refused or its fate is unknown: nothing that waits may happen. */
  abandon(): void {
    this.#abandoned = true;
    this.#waiting = [];
    this.#head = 0;
  }
}
