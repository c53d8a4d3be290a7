import type { Envelope } from '@yardmaster/contracts';
import type { CommittedFeed, CommittedLog } from '@yardmaster/service-kit';
import type { StreamCursor } from './stream-cursor.js';

/** Events asked of one stream at a time. */
const CHUNK = 2_000;
/** Entries of one stream that wait here at most, before it is asked for more. */
const WAITING = 4_000;

interface Source {
  readonly cursor: StreamCursor;
  readonly feed: CommittedFeed;
  queue: Envelope[];
  head: number;
  weight: number;
  /** Wakes the pump when there is room again. */
  onRoom: (() => void) | null;
}

/** Rows that an envelope touches, roughly: what a batch is measured by. */
export function weightOf(envelope: Envelope): number {
  let weight = 0;
  for (const event of envelope.events) weight += event.type === 'BatchQueued' ? event.tasks.length : 1;
  return Math.max(1, weight);
}

/**
 * Several streams as one, oldest first as their writers' clocks say: what belongs to one task comes close together, which is
 * good for folding and for nothing else. Rejects for good when one of the streams does.
 */
export class MergedFeed {
  readonly #sources: Source[];
  #weight = 0;
  #failure: Error | null = null;
  #onEntry: (() => void) | null = null;
  #stopped = false;

  constructor(log: CommittedLog, cursors: ReadonlyMap<string, StreamCursor>) {
    this.#sources = [...cursors.values()].map((cursor) => ({
      cursor,
      feed: log.feed(cursor.stream, cursor.at.seq),
      queue: [],
      head: 0,
      weight: 0,
      onRoom: null,
    }));
    for (const source of this.#sources) void this.#pump(source);
  }

  /** What waits here. */
  get weight(): number {
    return this.#weight;
  }

  /** Resolves when there is something to take, or after `stop`. */
  async ready(): Promise<void> {
    while (this.#weight === 0 && !this.#stopped) {
      this.#throwFailure();
      await new Promise<void>((resolve) => {
        this.#onEntry = resolve;
      });
    }
    this.#throwFailure();
  }

  /** About `weight` of what waits, at least one envelope if there is any. */
  take(weight: number): Envelope[] {
    const taken: Envelope[] = [];
    let sum = 0;
    while (sum < weight) {
      const source = this.#oldest();
      if (source === null) break;
      const envelope = source.queue[source.head++]!;
      const own = weightOf(envelope);
      source.weight -= own;
      this.#weight -= own;
      sum += own;
      taken.push(envelope);
    }
    for (const source of this.#sources) {
      if (source.head > 0) source.queue = source.queue.slice(source.head);
      source.head = 0;
      if (source.weight < WAITING) source.onRoom?.();
    }
    return taken;
  }

  stop(): void {
    this.#stopped = true;
    for (const { feed, onRoom } of this.#sources) {
      feed.stop();
      onRoom?.();
    }
    this.#onEntry?.();
  }

  #oldest(): Source | null {
    let oldest: Source | null = null;
    let at = Infinity;
    for (const source of this.#sources) {
      const next = source.queue[source.head];
      if (next === undefined || next.at >= at) continue;
      oldest = source;
      at = next.at;
    }
    return oldest;
  }

  async #pump(source: Source): Promise<void> {
    try {
      while (!this.#stopped) {
        const envelopes = await source.feed.next(CHUNK);
        for (const envelope of envelopes) {
          if (!source.cursor.accept(envelope)) continue;
          const weight = weightOf(envelope);
          source.queue.push(envelope);
          source.weight += weight;
          this.#weight += weight;
        }
        this.#onEntry?.();
        if (source.weight >= WAITING && !this.#stopped)
          await new Promise<void>((resolve) => {
            source.onRoom = resolve;
          });
        source.onRoom = null;
      }
    } catch (error) {
      this.#failure ??= error as Error;
      this.#onEntry?.();
    }
  }

  #throwFailure(): void {
    if (this.#failure !== null && !this.#stopped) throw this.#failure;
  }
}
