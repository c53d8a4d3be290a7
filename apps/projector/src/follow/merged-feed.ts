import type { Envelope } from '@yardmaster/contracts';
import type { CommittedFeed, CommittedLog } from '@yardmaster/service-kit';
import type { StreamCursor } from './stream-cursor.js';

/** Events asked of one stream at a time. */
const CHUNK = 2_000;
/** Entries of one stream that wait here at most, before it is asked for more. */
const WAITING = 120_000;
/** A stream that has had nothing for so long has nothing: the others go on without it. */
const QUIET_MS = 50;

interface Source {
  readonly cursor: StreamCursor;
  readonly feed: CommittedFeed;
  queue: Envelope[];
  head: number;
  weight: number;
  /** Since when it has been asked for more, ms; null while it is not. */
  askedAt: number | null;
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
 * Several streams as one, oldest first as their writers' clocks say: what belongs to one task comes close together, and is
 * folded to one row instead of many. No more than that rests on the order. Rejects for good when one of the streams does.
 */
export class MergedFeed {
  readonly #sources: Source[];
  #weight = 0;
  #failure: Error | null = null;
  #onEntry: (() => void) | null = null;
  #stopped = false;
  #held: Promise<void> | null = null;

  constructor(log: CommittedLog, cursors: ReadonlyMap<string, StreamCursor>) {
    this.#sources = [...cursors.values()].map((cursor) => ({
      cursor,
      feed: log.feed(cursor.stream, cursor.at.seq),
      queue: [],
      head: 0,
      weight: 0,
      askedAt: null,
      onRoom: null,
    }));
    for (const source of this.#sources) void this.#pump(source);
  }

  /** What waits here. */
  get weight(): number {
    return this.#weight;
  }

  /** Asks the streams for nothing more until that is over. */
  async hold(over: () => Promise<void>): Promise<void> {
    this.#held = over();
    await this.#held;
    this.#held = null;
  }

  /** Resolves when there is something to take and no stream is behind the others, or after `stop`. */
  async ready(): Promise<void> {
    for (;;) {
      this.#throwFailure();
      if (this.#stopped) return;
      const wait = this.#weight === 0 ? null : this.#untilSettled();
      if (wait === 0) return;
      const timer = wait === null ? null : setTimeout(() => this.#onEntry?.(), wait);
      await new Promise<void>((resolve) => {
        this.#onEntry = resolve;
      });
      if (timer !== null) clearTimeout(timer);
    }
  }

  /** About `weight` of what waits, at least one envelope if there is any; less where a stream has to be asked for more. */
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
      // Others would run ahead of what it has next.
      if (source.head === source.queue.length && !isSettled(source, performance.now())) break;
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

  /** Ms until every stream has something or is known to have nothing. */
  #untilSettled(): number {
    const now = performance.now();
    let wait = 0;
    for (const source of this.#sources) {
      if (!isSettled(source, now)) wait = Math.max(wait, QUIET_MS - (now - (source.askedAt ?? now)));
    }
    return Math.ceil(wait);
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
        if (this.#held !== null) await this.#held;
        source.askedAt = performance.now();
        const envelopes = await source.feed.next(CHUNK);
        source.askedAt = null;
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

function isSettled({ queue, head, askedAt }: Source, now: number): boolean {
  return head < queue.length || (askedAt !== null && now - askedAt >= QUIET_MS);
}
