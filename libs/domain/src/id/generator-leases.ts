import type { DomainEvent, GeneratorLeased } from '../events/index.js';
import { GENERATORS } from './layout.js';

/** How long a holder may make ids before it must ask again. */
export const GENERATOR_LEASE_MS = 120_000;

/** Who may make ids of which (partition, generator), and until when; no time of a generator is ever given out twice. */
export class GeneratorLeases {
  readonly #leases = new Map<number, GeneratorLeased>();

  all(): IterableIterator<GeneratorLeased> {
    return this.#leases.values();
  }

  apply(event: DomainEvent): void {
    if (event.type === 'GeneratorLeased')
      this.#leases.set(event.partition * GENERATORS + event.generator, event);
  }

  /** Extends the holder's own generator, else takes the one that has been free the longest. */
  decide(partition: number, holder: string, now: number): GeneratorLeased {
    let oldest = 0;
    let oldestUntil = Infinity;
    for (let generator = 0; generator < GENERATORS; generator++) {
      const lease = this.#leases.get(partition * GENERATORS + generator);
      if (lease?.holder === holder && lease.untilMs > now) {
        return { ...lease, untilMs: Math.max(lease.untilMs, now + GENERATOR_LEASE_MS) };
      }
      const until = lease?.untilMs ?? 0;
      if (until < oldestUntil) {
        oldest = generator;
        oldestUntil = until;
      }
    }
    const fromMs = Math.max(now, oldestUntil);
    return {
      type: 'GeneratorLeased',
      partition,
      generator: oldest,
      holder,
      fromMs,
      untilMs: fromMs + GENERATOR_LEASE_MS,
    };
  }
}
