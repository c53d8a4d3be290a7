import { streams } from '@yardmaster/contracts';
import {
  dropReadModel,
  migrateReadModel,
  ReadModelWriter,
  type ReadModelConnection,
} from '@yardmaster/readmodel-postgres';
import type { CommittedLog, Logger, Metrics } from '@yardmaster/service-kit';
import type { ProjectionStatus } from './follow/keep-going.js';
import { GraphProjector } from './graph/graph-projector.js';
import { RelationalProjector } from './relational/relational-projector.js';
import type { GraphSource, ProjectorStores } from './stores.js';

export interface ProjectionsOptions {
  readonly log: CommittedLog;
  readonly partitions: number;
  readonly stores: ProjectorStores;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'set'>;
  /** Throw away what is stored before the first session, and make it anew from the log. Default false. */
  readonly isRebuilding?: boolean;
}

type ProjectionName = 'relational' | 'graph';

/** The projections that this process keeps. */
export class Projections {
  readonly #projectors = new Map<ProjectionName, RelationalProjector | GraphProjector>();

  constructor({ log, partitions, stores, logger, metrics, isRebuilding = false }: ProjectionsOptions) {
    const { postgres, graph } = stores;
    const tasks = Array.from({ length: partitions }, (_, p) => streams.tasks(p));
    const told = (projection: ProjectionName) => {
      let last = '';
      let calmUntil = performance.now() + COMING_UP_MS;
      return {
        onStatus: (status: ProjectionStatus, cause: unknown): void => {
          const now = `${status.state} ${String(status.error)}`;
          // Each try says the same again for as long as the store is away.
          const isCalm = performance.now() < calmUntil;
          if (status.state === 'running') calmUntil = 0;
          const said = `${now} ${String(isCalm)}`;
          if (said !== last) tell(logger, projection, status, cause, isCalm);
          last = said;
        },
        onLag: (events: number): void => {
          metrics.set('yard_projection_lag_events', events, { projection });
        },
      };
    };
    if (postgres !== null) {
      this.#projectors.set(
        'relational',
        new RelationalProjector({
          log,
          streams: [...tasks, streams.queue(), streams.leases()],
          migrate: isRebuilding ? anewOnce(postgres) : () => migrateReadModel(postgres),
          connect: () => ReadModelWriter.connect(postgres),
          ...told('relational'),
        }),
      );
    }
    if (graph !== null)
      this.#projectors.set(
        'graph',
        new GraphProjector({
          log,
          streams: tasks,
          ...(isRebuilding ? clearedOnce(graph) : graph),
          ...told('graph'),
        }),
      );
  }

  start(): void {
    for (const projector of this.#projectors.values()) projector.start();
  }

  status(): Readonly<Record<string, ProjectionStatus>> {
    return Object.fromEntries([...this.#projectors].map(([name, { status }]) => [name, status]));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#projectors.values()].map((projector) => projector.stop()));
  }
}

/** Drops the tables the first time that it succeeds. */
function anewOnce(postgres: ReadModelConnection): () => Promise<void> {
  let isDropped = false;
  return async () => {
    if (!isDropped) await dropReadModel(postgres);
    isDropped = true;
    await migrateReadModel(postgres);
  };
}

function clearedOnce({ open, closes }: GraphSource): GraphSource {
  let isCleared = false;
  return {
    closes,
    open: async () => {
      const writer = await open();
      try {
        if (!isCleared) await writer.clear();
        isCleared = true;
        return writer;
      } catch (error) {
        if (closes) await writer.close().catch(() => undefined);
        throw error;
      }
    },
  };
}

/** A store that is still coming up is nothing to worry about. */
const COMING_UP_MS = 60_000;

function tell(
  logger: Logger,
  projection: ProjectionName,
  { state, error }: ProjectionStatus,
  cause: unknown,
  isCalm: boolean,
): void {
  const detail = { projection, state };
  if (state === 'halted')
    logger.error({ ...detail, err: cause }, `the ${projection} projection has halted: ${String(error)}`);
  else if (state === 'waiting')
    logger[isCalm ? 'info' : 'warn'](
      { ...detail, reason: error },
      `the ${projection} projection waits for its store`,
    );
  else logger.info(detail, `the ${projection} projection is ${state}`);
}
