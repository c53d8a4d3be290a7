import type { Envelope } from '@yardmaster/contracts';
import { ReadModelFold, type Advance } from '@yardmaster/readmodel-postgres';
import { breathe } from '@yardmaster/service-kit';
import { weightOf } from '../follow/merged-feed.js';
import type { Position } from '../follow/stream-cursor.js';

/** Rows of one transaction at most. */
export const BATCH_ROWS = 100_000;
/** Entries folded in one go. */
const SLICE = 1_000;

/** Envelopes that follow on `stored`, folded; moves `stored` behind them. */
export class RelationalBatch {
  readonly fold = new ReadModelFold();
  entries = 0;
  events = 0;
  envelopes = 0;
  readonly #advances = new Map<string, Advance>();

  constructor(private readonly stored: Map<string, Position>) {}

  get advances(): readonly Advance[] {
    return [...this.#advances.values()];
  }

  async add(envelopes: readonly Envelope[]): Promise<void> {
    let slice = 0;
    for (const envelope of envelopes) {
      this.fold.apply(envelope);
      const { stream, seq, hash, events } = envelope;
      const from = this.#advances.get(stream)?.from ?? this.stored.get(stream)?.seq ?? 0;
      this.#advances.set(stream, { stream, from, to: { seq, hash } });
      this.stored.set(stream, { seq, hash });
      const weight = weightOf(envelope);
      this.entries += weight;
      this.events += events.length;
      this.envelopes++;
      slice += weight;
      if (slice < SLICE) continue;
      slice = 0;
      await breathe();
    }
  }
}
