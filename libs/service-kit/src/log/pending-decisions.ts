import type { DomainEvent } from '@yardmaster/contracts';
import type { LogPlace } from '../role/role.js';

export type DecisionEffect = (place: LogPlace) => void;

export interface TakenDecisions {
  readonly events: readonly DomainEvent[];
  readonly effects: readonly DecisionEffect[];
  /** Rough size of the events. */
  readonly bytes: number;
  readonly decisions: number;
}

/**
 * Decisions that wait for their envelope, in order. A decision leaves whole, with its effect. Kept as columns: a busy stream
 * decides tens of thousands of times a second, mostly one event each and without an effect.
 */
export class PendingDecisions {
  #events: DomainEvent[] = [];
  /** By decision: where its events end, and its size. */
  #ends: number[] = [];
  #bytes: number[] = [];
  #effects: { readonly decision: number; readonly run: DecisionEffect }[] = [];

  get isEmpty(): boolean {
    return this.#ends.length === 0;
  }

  add(events: readonly DomainEvent[], effect: DecisionEffect | undefined, bytes: number): void {
    for (const event of events) this.#events.push(event);
    if (effect !== undefined) this.#effects.push({ decision: this.#ends.length, run: effect });
    this.#ends.push(this.#events.length);
    this.#bytes.push(bytes);
  }

  /** As many as fit, at least one. */
  take(maxEvents: number, maxBytes: number): TakenDecisions {
    let decisions = 0;
    let bytes = 0;
    let events = 0;
    for (; decisions < this.#ends.length; decisions++) {
      const end = this.#ends[decisions]!;
      const size = this.#bytes[decisions]!;
      if (decisions > 0 && (end > maxEvents || bytes + size > maxBytes)) break;
      bytes += size;
      events = end;
    }
    const taken = { events: this.#events, effects: this.#effects.map(({ run }) => run), bytes, decisions };
    if (decisions === this.#ends.length) {
      this.#events = [];
      this.#effects = [];
      this.#ends = [];
      this.#bytes = [];
      return taken;
    }
    const due = this.#effects.findIndex(({ decision }) => decision >= decisions);
    const left = due < 0 ? [] : this.#effects.slice(due);
    const now = due < 0 ? this.#effects : this.#effects.slice(0, due);
    taken.events = this.#events.slice(0, events);
    taken.effects = now.map(({ run }) => run);
    this.#events = this.#events.slice(events);
    this.#effects = left.map(({ decision, run }) => ({ decision: decision - decisions, run }));
    this.#ends = this.#ends.slice(decisions).map((end) => end - events);
    this.#bytes = this.#bytes.slice(decisions);
    return taken;
  }
}
