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
  /** Effects wait for this one too: the answer to an earlier one came so late that another may have the stream by now. */
  #proof = 0;

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
    if (ticket <= this.#watermark && this.#proof <= this.#watermark && this.#head === this.#waiting.length)
      run();
    else this.#waiting.push({ ticket, run });
  }

  committed(ticket: number): void {
    if (this.#abandoned) return;
    this.#done.add(ticket);
    while (this.#done.delete(this.#watermark + 1)) this.#watermark++;
    this.#release();
  }

  #release(): void {
    if (this.#watermark < this.#proof) return;
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

  /** No effect from now on, until `prove` names what has to be on disk first. */
  doubt(): void {
    this.#proof = Infinity;
  }

  /** Everything issued so far proves, once it is on disk, that the streams are still this process's. */
  prove(): void {
    this.#proof = this.#issued;
    // It may be there already: then nothing else comes that would let go what waits.
    this.#release();
  }

  get isInDoubt(): boolean {
    return this.#proof === Infinity;
  }

  /** A proposal was refused or its fate is unknown: nothing that waits may happen. */
  abandon(): void {
    this.#abandoned = true;
    this.#waiting = [];
    this.#head = 0;
  }
}
