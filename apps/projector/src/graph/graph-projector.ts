import { setTimeout as sleep } from 'node:timers/promises';
import type { Envelope } from '@yardmaster/contracts';
import type { GraphWriter } from '@yardmaster/ports';
import { breathe, type CommittedFeed, type CommittedLog } from '@yardmaster/service-kit';
import { Burst } from '../follow/burst.js';
import { isHalting, ProjectionHalted } from '../follow/errors.js';
import { keepGoing, type ProjectionStatus } from '../follow/keep-going.js';
import { LagMeter } from '../follow/lag-meter.js';
import { openCursors, type StreamCursor } from '../follow/stream-cursor.js';
import { Turns } from '../follow/turns.js';
import { GRAPH_ENDED, GraphFold, type GraphChanges } from './graph-fold.js';

/** Events asked of a stream at a time. */
const CHUNK = 2_000;
/** Envelopes without anything for the graph, after which its position is stored all the same. */
const STORE_EVERY = 2_000;
/** How long the start of a burst may wait. */
const BURST_MS = 1_500;
/** From one write of a stream to the next: one for many small changes costs the database hardly more than one for each. */
const WRITE_EVERY_MS = 100;

export interface GraphProjectorOptions {
  readonly log: CommittedLog;
  /** The streams `tasks-*`. */
  readonly streams: readonly string[];
  /** The store; asked again after each failure. It is closed with the session when `closes` is true. */
  readonly open: () => Promise<GraphWriter>;
  readonly closes: boolean;
  readonly onStatus?: (status: ProjectionStatus, cause: unknown) => void;
  /** Events not yet in the graph; each second while it runs. */
  readonly onLag?: (events: number, positions: Readonly<Record<string, number>>) => void;
}

/**
 * The role `project/graph`: tasks of workflows, tasks with parents, and who waits for whom.
 *
 * Owns: the graph and its positions. Invariants: a batch is of one stream and holds whole commit groups; it is written with
 * the position after it, or not at all. A stored position may lie behind what was looked at: envelopes that say nothing about
 * graphs are looked at again after a restart. Nothing of the yard waits for it.
 */
export class GraphProjector {
  #status: ProjectionStatus = { state: 'stopped', error: null };
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(private readonly options: GraphProjectorOptions) {}

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
        isHalting: (error) => isHalting(error) || isRefusedWrite(error),
        onStatus,
      },
      this.#stop.signal,
    );
  }

  /** Resolves when the batch under way is written. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #session(stop: AbortSignal, running: () => void): Promise<void> {
    const { log, streams, open, closes, onLag } = this.options;
    const writer = await open();
    const feeds: CommittedFeed[] = [];
    const end = (): void => {
      for (const feed of feeds) feed.stop();
    };
    const lag = new LagMeter(log, onLag);
    stop.addEventListener('abort', end);
    try {
      await writer.prepare();
      const stored = new Map(Object.entries(await writer.positions()));
      const cursors = await openCursors(log, streams, stored, 'the graph');
      const fold = new GraphFold(await writer.openTasks(GRAPH_ENDED));
      if (stop.aborted) return;
      for (const cursor of cursors.values()) feeds.push(log.feed(cursor.stream, cursor.at.seq));
      lag.start(streams, stored);
      running();
      // A graph database is kept from taking every core at once.
      const turns = new Turns();
      const follow = [...cursors.values()].map((cursor, i) =>
        this.#follow(cursor, feeds[i]!, fold, writer, turns, lag, stop).finally(end),
      );
      for (const result of await Promise.allSettled(follow))
        if (result.status === 'rejected') throw result.reason;
    } finally {
      stop.removeEventListener('abort', end);
      lag.stop();
      end();
      if (closes) await writer.close().catch(() => undefined);
    }
  }

  async #follow(
    cursor: StreamCursor,
    feed: CommittedFeed,
    fold: GraphFold,
    writer: GraphWriter,
    turns: Turns,
    lag: LagMeter,
    stop: AbortSignal,
  ): Promise<void> {
    const { log } = this.options;
    const { stream } = cursor;
    let from = cursor.at.seq;
    let nextWriteAt = 0;
    const burst = new Burst(log, { longestMs: BURST_MS });
    while (!stop.aborted) {
      await sleep(Math.max(0, nextWriteAt - performance.now()), undefined, { signal: stop }).catch(
        () => undefined,
      );
      await burst.over(stop);
      const chunk = await feed.next(CHUNK);
      // Stopped, by the end of the yard or because another stream failed.
      if (chunk.length === 0) return;
      const fresh: Envelope[] = chunk.filter((envelope) => cursor.accept(envelope));
      const changes = fold.fold(fresh);
      const to = cursor.at;
      if (!isEmpty(changes) || to.seq - from >= STORE_EVERY) {
        const isWritten = await turns.take(() => writer.write({ stream, from, to, ...changes }));
        if (!isWritten)
          throw new ProjectionHalted(
            `the stored position of ${stream} in the graph is not the one this projector started from: another projector writes to it; stop one of them`,
          );
        from = to.seq;
        nextWriteAt = performance.now() + WRITE_EVERY_MS;
      }
      lag.projected([{ stream, to }], sizeOf(fresh));
      await breathe();
    }
  }
}

function sizeOf(envelopes: readonly Envelope[]): { events: number; envelopes: number } {
  return {
    events: envelopes.reduce((sum, { events }) => sum + events.length, 0),
    envelopes: envelopes.length,
  };
}

function isEmpty({ tasks, mentioned, edges, states }: GraphChanges): boolean {
  return tasks.length + mentioned.length + edges.length + states.length === 0;
}

/** The server understood and refused: trying again changes nothing. */
function isRefusedWrite(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && /^Neo\.ClientError\.(Schema|Statement)\./.test(code);
}
