import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import {
  BUS,
  COMMITTED_LOG,
  CONFIG,
  LOGGER,
  METRICS,
  type Bus,
  type CommittedLog,
  type Logger,
  type Metrics,
  type YardConfig,
} from '@yardmaster/service-kit';
import { Projections } from './projections.js';
import type { ProjectorStores } from './stores.js';

export const PROJECTOR_STORES = Symbol('PROJECTOR_STORES');
const IS_REBUILDING = Symbol('IS_REBUILDING');

/** Folds the log into the read model and the graph; the roles `project/relational` and `project/graph`. */
@Module({})
export class ProjectorModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #projections: Projections;

  constructor(
    @Inject(COMMITTED_LOG) log: CommittedLog,
    @Inject(BUS) bus: Bus,
    @Inject(CONFIG) { partitions, node }: YardConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(METRICS) metrics: Metrics,
    @Inject(PROJECTOR_STORES) stores: ProjectorStores,
    @Inject(IS_REBUILDING) isRebuilding: boolean,
  ) {
    this.#projections = new Projections({
      log,
      bus,
      node,
      partitions,
      stores,
      logger,
      metrics,
      isRebuilding,
    });
  }

  /** `YARD_REBUILD=1` throws the views away at this start and makes them anew from the log. */
  static with(stores: ProjectorStores, isRebuilding = isRebuildWanted()): DynamicModule {
    const providers = [
      { provide: PROJECTOR_STORES, useValue: stores },
      { provide: IS_REBUILDING, useValue: isRebuilding },
    ];
    return { module: ProjectorModule, providers };
  }

  onApplicationBootstrap(): void {
    this.#projections.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#projections.stop();
  }
}

export function isRebuildWanted(): boolean {
  return process.env['YARD_REBUILD'] === '1';
}
