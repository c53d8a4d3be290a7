import { Inject, Module } from '@nestjs/common';
import {
  ARCHIVE,
  BUS,
  COMMITTED_LOG,
  CONFIG,
  LOGGER,
  METRICS,
  RoleRegistry,
  type ArchiveSource,
  type Bus,
  type CommittedLog,
  type Logger,
  type Metrics,
  type YardConfig,
} from '@yardmaster/service-kit';
import { openArchiver } from './open-archiver.js';

/** Copies the log into the archive, in one projector's process at a time; a process without an archive has nothing to do here. */
@Module({})
export class ArchiverModule {
  constructor(
    @Inject(RoleRegistry) registry: RoleRegistry,
    @Inject(ARCHIVE) source: ArchiveSource | null,
    @Inject(COMMITTED_LOG) committed: CommittedLog,
    @Inject(BUS) bus: Bus,
    @Inject(CONFIG) { partitions }: YardConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(METRICS) metrics: Metrics,
  ) {
    if (source !== null)
      registry.offerDuty('archive', () =>
        openArchiver({ source, committed, bus, partitions, logger, metrics }),
      );
  }
}
