import type { VerifiedPart } from '@yardmaster/contracts';
import {
  dropReadModel,
  hashTables,
  migrateReadModel,
  openPool,
  ReadModelWriter,
  schemaOf,
  snapshotOf,
  type ReadModelConnection,
  type TableHashes,
} from '@yardmaster/readmodel-postgres';
import type { CommittedLog } from '@yardmaster/service-kit';
import type { ProjectionStatus } from '../follow/keep-going.js';
import { secondsOf, type Projection, type Verified } from '../projection.js';
import { RelationalProjector, type RelationalProjectorOptions } from './relational-projector.js';
import { replayInto } from './replay.js';

export interface RelationalProjectionOptions extends Pick<
  RelationalProjectorOptions,
  'log' | 'streams' | 'onStatus' | 'onLag'
> {
  readonly postgres: ReadModelConnection;
  /** Throw the tables away before the first session. */
  readonly isRebuilding: boolean;
}

/** The tables in Postgres. */
export class RelationalProjection implements Projection {
  readonly name = 'relational';
  readonly #projector: RelationalProjector;
  readonly #log: CommittedLog;
  readonly #postgres: ReadModelConnection;

  constructor({ postgres, isRebuilding, ...options }: RelationalProjectionOptions) {
    this.#log = options.log;
    this.#postgres = postgres;
    let isToDrop = isRebuilding;
    this.#projector = new RelationalProjector({
      ...options,
      migrate: async () => {
        if (isToDrop) await dropReadModel(postgres);
        isToDrop = false;
        await migrateReadModel(postgres);
      },
      connect: () => ReadModelWriter.connect(postgres),
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
    await this.#projector.stop();
    try {
      await dropReadModel(this.#postgres);
    } finally {
      this.#projector.start();
    }
  }

  async verify(onEvents: (events: number) => void): Promise<Verified> {
    const pool = openPool(this.#postgres, 1);
    const scratch = { url: this.#postgres.url, schema: `${schemaOf(this.#postgres)}_verify` };
    const scratchPool = openPool(scratch, 1);
    try {
      const stored = await snapshotOf(pool);
      await dropReadModel(scratch);
      await migrateReadModel(scratch);
      const writer = await ReadModelWriter.connect(scratch);
      const seconds = await secondsOf(() => replayInto(writer, this.#log, stored.positions, onEvents));
      return { parts: compared(stored.tables, await hashTables(scratchPool)), seconds };
    } finally {
      await pool.end();
      await scratchPool.end();
      await dropReadModel(scratch).catch(() => undefined);
    }
  }
}

function compared(stored: TableHashes, rebuilt: TableHashes): VerifiedPart[] {
  return (Object.keys(stored) as (keyof TableHashes)[]).map((name) => ({
    name,
    equal: stored[name].hash === rebuilt[name].hash,
    stored: stored[name],
    rebuilt: rebuilt[name],
  }));
}
