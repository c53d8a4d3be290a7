import { setTimeout as sleep } from 'node:timers/promises';
import { isHaltingWrite, type ReadModelFold, type ReadModelWriter } from '@yardmaster/readmodel-postgres';
import { breathe, type CommittedLog } from '@yardmaster/service-kit';
import { Burst } from '../follow/burst.js';
import { isHalting } from '../follow/errors.js';
import { keepGoing, type ProjectionStatus } from '../follow/keep-going.js';
import { MergedFeed } from '../follow/merged-feed.js';
import { LagMeter } from '../follow/lag-meter.js';
import { openCursors, type Position } from '../follow/stream-cursor.js';
import { BATCH_ROWS, RelationalBatch } from './relational-batch.js';

/** Entries taken from the streams at a time. */
const TAKE = 8_000;
/** How long what came gathers. */
const GATHER_MS = 25;
/** When more than this came meanwhile, it gathers on: the more of a task's life is in a batch, the less often its row is written. */
const BUSY = 500;
/** Share of the tasks in a batch that have ended, from which on nothing is gained by gathering. */
const MOST = 0.9;
/** How long a burst may go on before any of it is folded, and how much of it may wait: meanwhile the processor is the roles'. */
const BURST = { longestMs: 1_500, mostWaiting: 400_000 };
/** For how long at most, and times in a row that little came until it is over: with most of the tasks ended, and without. */
const ENDED = { longestMs: 1_000, calm: 2 };
const OPEN = { longestMs: 2_500, calm: 8 };

export interface RelationalProjectorOptions {
  readonly log: CommittedLog;
  /** `tasks-*`, the queue's and the leases' streams. */
  readonly streams: readonly string[];
  /** Makes the tables. */
  readonly migrate: () => Promise<void>;
  readonly connect: () => Promise<ReadModelWriter>;
  readonly onStatus?: (status: ProjectionStatus, cause: unknown) => void;
  /** Events not yet in the tables; each second while it runs. */
  readonly onLag?: (events: number, positions: Readonly<Record<string, number>>) => void;
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
      // Whoever waits for the next event would not hear of it.
      writer.whenLost(end);
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
    // One transaction is on its way while the next batch gathers.
    let writing: Promise<void> = Promise.resolve();
    let isWriting = false;
    const burst = new Burst(this.options.log, BURST);
    const write = async (batch: RelationalBatch): Promise<void> => {
      const { fold, advances } = batch;
      isWriting = true;
      try {
        await writer.write(fold, advances, breathe);
        lag.projected(advances, batch);
      } finally {
        isWriting = false;
      }
    };
    try {
      while (!stop.aborted) {
        if (feed.weight === 0) await writing;
        await feed.ready();
        if (stop.aborted) return;
        await feed.hold(() => burst.over(stop));
        const batch = await gather(feed, stored, () => isWriting, stop);
        await writing;
        writing = write(batch);
        writing.catch(() => undefined);
      }
    } finally {
      await writing;
    }
  }
}

/** What is there now, and what comes while it comes fast or can't be written yet. Moves `stored` behind it. */
async function gather(
  feed: MergedFeed,
  stored: Map<string, Position>,
  isWriting: () => boolean,
  stop: AbortSignal,
): Promise<RelationalBatch> {
  const batch = new RelationalBatch(stored);
  const began = performance.now();
  let calm = 0;
  let isComing = true;
  while ((isComing || isWriting()) && !stop.aborted && batch.fold.rows < BATCH_ROWS) {
    if (feed.weight < TAKE) await sleep(GATHER_MS);
    const before = batch.entries;
    await batch.add(feed.take(TAKE));
    const came = batch.entries - before + feed.weight;
    calm = came > BUSY ? 0 : calm + 1;
    // A stall of whoever writes the log is not yet its end.
    const patience = patienceFor(batch.fold);
    const isOver = calm > 0 && (calm >= patience.calm || batch.entries <= BUSY);
    isComing = !isOver && performance.now() - began < patience.longestMs;
  }
  return batch;
}

function patienceFor({ ended, tasks }: ReadModelFold): typeof OPEN {
  return ended > tasks.size * MOST ? ENDED : OPEN;
}
