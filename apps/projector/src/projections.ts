import { streams } from '@yardmaster/contracts';
import { migrateReadModel, ReadModelWriter } from '@yardmaster/readmodel-postgres';
import type { CommittedLog, Logger, Metrics } from '@yardmaster/service-kit';
import type { ProjectionStatus } from './follow/keep-going.js';
import { GraphProjector } from './graph/graph-projector.js';
import { RelationalProjector } from './relational/relational-projector.js';
import type { ProjectorStores } from './stores.js';

export interface ProjectionsOptions {
  readonly log: CommittedLog;
  readonly partitions: number;
  readonly stores: ProjectorStores;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

type ProjectionName = 'relational' | 'graph';

/** The projections that this process keeps. */
export class Projections {
  readonly #projectors = new Map<ProjectionName, RelationalProjector | GraphProjector>();

  constructor({ log, partitions, stores, logger, metrics }: ProjectionsOptions) {
    const { postgres, graph } = stores;
    const tasks = Array.from({ length: partitions }, (_, p) => streams.tasks(p));
    const told = (projection: ProjectionName) => {
      let last = '';
      return {
        onStatus: (status: ProjectionStatus, cause: unknown): void => {
          const now = `${status.state} ${String(status.error)}`;
          // Each try says the same again for as long as the store is away.
          if (now !== last) tell(logger, projection, status, cause);
          last = now;
        },
        onLag: (events: number): void => { metrics.set('yard_projection_lag_events', events, { projection }); },
      };
    };
    if (postgres !== null) {
      this.#projectors.set('relational', new RelationalProjector({
        log, streams: [...tasks, streams.queue(), streams.leases()], migrate: () => migrateReadModel(postgres), connect: () => ReadModelWriter.connect(postgres),
        ...told('relational'),
      }));
    }
    if (graph !== null) this.#projectors.set('graph', new GraphProjector({ log, streams: tasks, ...graph, ...told('graph') }));
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

function tell(logger: Logger, projection: ProjectionName, { state, error }: ProjectionStatus, cause: unknown): void {
  const detail = { projection, state };
  if (state === 'halted') logger.error({ ...detail, err: cause }, `the ${projection} projection has halted: ${String(error)}`);
  else if (state === 'waiting') logger.warn({ ...detail, reason: error }, `the ${projection} projection waits for its store`);
  else logger.info(detail, `the ${projection} projection is ${state}`);
}
