import { CHAIN_START, hashOf, type Envelope } from '@yardmaster/contracts';
import type { DomainEvent } from '@yardmaster/domain';

/** A log written by hand: envelopes of several streams, each with its sequence and hash chain, in the order of writing. */
export class LogScript {
  readonly envelopes: Envelope[] = [];
  readonly #heads = new Map<string, { seq: number; hash: string }>();
  #at: number;

  constructor(startAt = Date.UTC(2026, 0, 1)) {
    this.#at = startAt;
  }

  /** One more envelope, 1 ms later than the one before. */
  write(stream: string, events: readonly DomainEvent[], epoch = 1): Envelope {
    const { seq, hash: prev } = this.#heads.get(stream) ?? { seq: 0, hash: CHAIN_START };
    const commit = `${stream}-${String(seq + 1)}`;
    const envelope: Envelope = {
      stream,
      seq: seq + 1,
      node: 'n1',
      epoch,
      commit,
      at: this.#at++,
      seed: 1,
      config: '00000000',
      causes: [],
      group: null,
      events,
      hash: hashOf(Buffer.from(prev + commit)),
      prev,
    };
    this.#heads.set(stream, envelope);
    this.envelopes.push(envelope);
    return envelope;
  }

  streams(): string[] {
    return [...this.#heads.keys()];
  }

  of(stream: string): Envelope[] {
    return this.envelopes.filter((envelope) => envelope.stream === stream);
  }
}

/** Another order of the same envelopes that keeps each stream's own; `choose(n)` gives a number in [0, n). */
export function interleave(envelopes: readonly Envelope[], choose: (n: number) => number): Envelope[] {
  const open = [...Map.groupBy(envelopes, ({ stream }) => stream).values()];
  const order: Envelope[] = [];
  while (open.length > 0) {
    const i = choose(open.length);
    const stream = open[i]!;
    order.push(stream.shift()!);
    if (stream.length === 0) open.splice(i, 1);
  }
  return order;
}
