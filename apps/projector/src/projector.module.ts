import { type BeforeApplicationShutdown, type DynamicModule, Inject, Module } from '@nestjs/common';
import {
  BUS,
  COMMITTED_LOG,
  CONFIG,
  LOGGER,
  METRICS,
  RoleRegistry,
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
export class ProjectorModule implements BeforeApplicationShutdown {
  readonly #projections: Projections;

  constructor(
    @Inject(RoleRegistry) registry: RoleRegistry,
    @Inject(COMMITTED_LOG) log: CommittedLog,
    @Inject(BUS) bus: Bus,
    @Inject(CONFIG) { partitions, node }: YardConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(METRICS) metrics: Metrics,
    @Inject(PROJECTOR_STORES) stores: ProjectorStores,
    @Inject(IS_REBUILDING) isRebuilding: boolean,
  ) {
    const projections = new Projections({
      log,
      bus,
      node,
      partitions,
      stores,
      logger,
      metrics,
      isRebuilding,
    });
    this.#projections = projections;
    // Two of a kind for a moment do no harm: the position stored beside the views lets one of them write.
    for (const name of projections.names)
      registry.offerDuty(`project/${name}`, () => ({
        start: () => {
          projections.start(name);
        },
        stop: () => projections.stop(name),
      }));
  }

  /** `YARD_REBUILD=1` throws the views away at this start and makes them anew from the log. */
  static with(stores: ProjectorStores, isRebuilding = isRebuildWanted()): DynamicModule {
    const providers = [
      { provide: PROJECTOR_STORES, useValue: stores },
      { provide: IS_REBUILDING, useValue: isRebuilding },
    ];
    return { module: ProjectorModule, providers };
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#projections.stop();
  }
}

export function isRebuildWanted(): boolean {
  return process.env['YARD_REBUILD'] === '1';
}
