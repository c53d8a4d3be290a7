import type { Envelope } from '@yardmaster/contracts';

/**
 * Holds the parts of a commit group back until all are there. A takeover marker before the last part voids the group:
 * its parts come out with no events, so that positions stay contiguous.
 */
export class CommitGroups {
  #parts: Envelope[] = [];

  /** Some parts are here and others are not. */
  get isOpen(): boolean {
    return this.#parts.length > 0;
  }

  /** Envelopes that count now, in order. */
  accept(envelope: Envelope): readonly Envelope[] {
    const { group } = envelope;
    if (group === null) {
      if (this.#parts.length === 0) return [envelope];
      const voided = this.#parts.map((part) => ({ ...part, events: [] }));
      this.#parts = [];
      return [...voided, envelope];
    }
    const first = this.#parts[0];
    const isNew = first?.group?.id !== group.id;
    const voided = isNew ? this.#parts.map((part) => ({ ...part, events: [] })) : [];
    if (isNew) this.#parts = [];
    this.#parts.push(envelope);
    if (group.k < group.n) return voided;
    const whole = this.#parts;
    this.#parts = [];
    return [...voided, ...whole];
  }
}
