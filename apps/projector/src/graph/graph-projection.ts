import { MemoryGraph } from '@yardmaster/graph-memory';
import type { GraphWriter } from '@yardmaster/ports';
import type { CommittedLog } from '@yardmaster/service-kit';
import type { ProjectionStatus } from '../follow/keep-going.js';
import type { Position } from '../follow/stream-cursor.js';
import { secondsOf, type Projection, type Verified } from '../projection.js';
import type { GraphSource } from '../stores.js';
import { GraphProjector, type GraphProjectorOptions } from './graph-projector.js';
import { replayGraph } from './replay-graph.js';

export interface GraphProjectionOptions extends Pick<
  GraphProjectorOptions,
  'log' | 'streams' | 'onStatus' | 'onLag'
> {
  readonly graph: GraphSource;
  /** Throw the graph away before the first session. */
  readonly isRebuilding: boolean;
}

/** The graph in Neo4j, or in memory. */
export class GraphProjection implements Projection {
  readonly name = 'graph';
  readonly #projector: GraphProjector;
  readonly #log: CommittedLog;
  readonly #graph: GraphSource;

  constructor({ graph, isRebuilding, ...options }: GraphProjectionOptions) {
    this.#log = options.log;
    this.#graph = graph;
    let isToClear = isRebuilding;
    this.#projector = new GraphProjector({
      ...options,
      closes: graph.closes,
      open: async () => {
        if (isToClear) await this.#with((writer) => writer.clear());
        isToClear = false;
        return await graph.open();
      },
    });
  }

  get status(): ProjectionStatus {
    return this.#projector.status;
  }

  start(): void {
    this.#projector.start();
  }

  async stop(): Promise<void> {
    await this.#projector.stop();
  }

  async rebuild(): Promise<void> {
    await this.#paused(() => this.#with((writer) => writer.clear()));
  }

  /** A graph database reads no snapshot: nothing is written to it while it is hashed. */
  async verify(onEvents: (events: number) => void): Promise<Verified> {
    const stored = await this.#paused(() =>
      this.#with(async (writer) => ({
        positions: new Map<string, Position>(Object.entries(await writer.positions())),
        hash: await writer.multisetHash(),
      })),
    );
    const memory = new MemoryGraph();
    const seconds = await secondsOf(() => replayGraph(memory, this.#log, stored.positions, onEvents));
    const hash = await memory.multisetHash();
    const part = {
      name: 'graph',
      equal: hash === stored.hash,
      stored: { rows: null, hash: stored.hash },
      rebuilt: { rows: null, hash },
    };
    return { parts: [part], seconds };
  }

  async #paused<T>(work: () => Promise<T>): Promise<T> {
    await this.#projector.stop();
    try {
      return await work();
    } finally {
      this.#projector.start();
    }
  }

  async #with<T>(work: (writer: GraphWriter) => Promise<T>): Promise<T> {
    const writer = await this.#graph.open();
    try {
      return await work(writer);
    } finally {
      if (this.#graph.closes) await writer.close().catch(() => undefined);
    }
  }
}
