import { setTimeout as sleep } from 'node:timers/promises';
import type { Envelope } from '@yardmaster/contracts';
import {
  isHaltingWrite,
  ReadModelFold,
  type Advance,
  type ReadModelWriter,
} from '@yardmaster/readmodel-postgres';
import type { CommittedLog } from '@yardmaster/service-kit';
import { breathe } from '../follow/breath.js';
import { isHalting } from '../follow/errors.js';
import { keepGoing, type ProjectionStatus } from '../follow/keep-going.js';
import { MergedFeed, weightOf } from '../follow/merged-feed.js';
import { LagMeter } from '../follow/lag-meter.js';
import { openCursors, type Position } from '../follow/stream-cursor.js';

/** Entries of one transaction at most: the more of a task's life is in it, the less often its row is written. */
const BATCH = 40_000;
/** Entries folded in one go. */
const SLICE = 1_000;
/** How long what came gathers while there is less than a batch. */
const GATHER_MS = 25;

export interface RelationalProjectorOptions {
  readonly log: CommittedLog;
  /** `tasks-*`, the queue's and the leases' streams. */
  readonly streams: readonly string[];
  /** Makes the tables. */
  readonly migrate: () => Promise<void>;
  readonly connect: () => Promise<ReadModelWriter>;
  readonly onStatus?: (status: ProjectionStatus, cause: unknown) => void;
  /** Events not yet in the tables; each second while it runs. */
  readonly onLag?: (events: number) => void;
}

/**
 * The role `project/relational`: folds the log into the tables, behind everything else that its process does.
 *
 * Owns: the tables and their positions, through one writer. Invariants: a transaction holds whole envelopes with the
 * positions after them; each stream is written in its order without gaps; what fails is read again from the stored
 * positions. Nothing of the yard waits for it.
 */
export class RelationalProjector {
  #status: ProjectionStatus = { state: 'stopped', error: null };
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(private readonly options: RelationalProjectorOptions) {}

  get status(): ProjectionStatus {
    return this.#status;
  }

  start(): void {
    this.#stop = new AbortController();
    const onStatus = (status: ProjectionStatus, cause: unknown): void => {
      this.#status = status;
      this.options.onStatus?.(status, cause);
    };
    this.#done = keepGoing(
      {
        session: (stop, running) => this.#session(stop, running),
        isHalting: (error) => isHalting(error) || isHaltingWrite(error),
        onStatus,
      },
      this.#stop.signal,
    );
  }

  /** Resolves when the transaction under way has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #session(stop: AbortSignal, running: () => void): Promise<void> {
    const { log, streams, migrate, connect, onLag } = this.options;
    await migrate();
    const writer = await connect();
    let feed: MergedFeed | null = null;
    const lag = new LagMeter(log, onLag);
    const end = (): void => {
      feed?.stop();
    };
    stop.addEventListener('abort', end);
    try {
      const stored = await writer.positions();
      feed = new MergedFeed(log, await openCursors(log, streams, stored, 'the read model'));
      lag.start(streams, stored);
      running();
      await this.#follow(feed, writer, new Map(stored), lag, stop);
    } finally {
      stop.removeEventListener('abort', end);
      lag.stop();
      feed?.stop();
      await writer.close();
    }
  }

  async #follow(
    feed: MergedFeed,
    writer: ReadModelWriter,
    stored: Map<string, Position>,
    lag: LagMeter,
    stop: AbortSignal,
  ): Promise<void> {
    // One transaction is on its way while the next batch is folded.
    let writing: Promise<void> = Promise.resolve();
    try {
      while (!stop.aborted) {
        if (feed.weight === 0) await writing;
        await feed.ready();
        if (stop.aborted) return;
        if (feed.weight < BATCH) await sleep(GATHER_MS);
        const envelopes = feed.take(BATCH);
        const { fold, advances } = await batchOf(envelopes, stored);
        await writing;
        writing = writer.write(fold, advances, breathe).then(() => {
          lag.projected(advances, envelopes);
        });
        writing.catch(() => undefined);
      }
    } finally {
      await writing;
    }
  }
}

/** Folds envelopes, which follow on `stored`, and moves `stored` behind them. */
async function batchOf(
  envelopes: readonly Envelope[],
  stored: Map<string, Position>,
): Promise<{ fold: ReadModelFold; advances: Advance[] }> {
  const fold = new ReadModelFold();
  const advances = new Map<string, Advance>();
  let slice = 0;
  for (const envelope of envelopes) {
    fold.apply(envelope);
    const { stream, seq, hash } = envelope;
    const from = advances.get(stream)?.from ?? stored.get(stream)?.seq ?? 0;
    advances.set(stream, { stream, from, to: { seq, hash } });
    slice += weightOf(envelope);
    if (slice < SLICE) continue;
    slice = 0;
    await breathe();
  }
  for (const { stream, to } of advances.values()) stored.set(stream, to);
  return { fold, advances: [...advances.values()] };
}
