import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import {
  ARCHIVE,
  BUS,
  CONFIG,
  LOGGER,
  METRICS,
  type ArchiveSource,
  type Bus,
  type Logger,
  type Metrics,
  type YardConfig,
} from '@yardmaster/service-kit';
import type { ArchiverDuty } from './archiver-duty.js';
import { openArchiver } from './open-archiver.js';

/** Copies the log into the archive, in a projector's process of its own; a process without an archive has nothing to do here. */
@Module({})
export class ArchiverModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #duty: ArchiverDuty | null;

  constructor(
    @Inject(ARCHIVE) source: ArchiveSource | null,
    @Inject(BUS) bus: Bus,
    @Inject(CONFIG) { partitions }: YardConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(METRICS) metrics: Metrics,
  ) {
    this.#duty = source === null ? null : openArchiver({ source, bus, partitions, logger, metrics });
  }

  onApplicationBootstrap(): void {
    this.#duty?.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#duty?.stop();
  }
}
