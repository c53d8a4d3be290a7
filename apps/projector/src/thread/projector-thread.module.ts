import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { BrokerAccess } from '@yardmaster/composition';
import { CONFIG, LOGGER, METRICS, type Logger, type Metrics, type YardConfig } from '@yardmaster/service-kit';
import { isRebuildWanted } from '../projector.module.js';
import type { StoreAccess } from '../stores.js';
import { ProjectorThread } from './projector-thread.js';

const BROKER = Symbol('BROKER');
const STORES = Symbol('STORES');

/** The projector in a process that it shares with the roles. */
@Module({})
export class ProjectorThreadModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #thread: ProjectorThread;

  constructor(
    @Inject(CONFIG) config: YardConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(METRICS) metrics: Metrics,
    @Inject(BROKER) broker: BrokerAccess,
    @Inject(STORES) stores: StoreAccess,
  ) {
    const data = { config, broker, stores, isRebuilding: isRebuildWanted() };
    this.#thread = new ProjectorThread({ data, logger, metrics });
  }

  static with({ url, user, password, syncAlways }: BrokerAccess, stores: StoreAccess): DynamicModule {
    // Only what a thread can be given.
    const broker = { url, user, password, syncAlways };
    const providers = [
      { provide: BROKER, useValue: broker },
      { provide: STORES, useValue: stores },
    ];
    return { module: ProjectorThreadModule, providers };
  }

  onApplicationBootstrap(): void {
    this.#thread.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#thread.stop();
  }
}
