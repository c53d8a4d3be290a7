import { Inject, Module } from '@nestjs/common';
import type { Clock } from '@yardmaster/kernel';
import {
  ARCHIVE,
  BUS,
  CLOCK,
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
import { openUpkeep } from '../upkeep/open-upkeep.js';
import { openArchiver } from './open-archiver.js';

/** Copies the log into the archive, takes snapshots of roles and purges, in one projector's process at a time; a process without an archive has nothing to do here. */
@Module({})
export class ArchiverModule {
  constructor(
    @Inject(RoleRegistry) registry: RoleRegistry,
    @Inject(ARCHIVE) source: ArchiveSource | null,
    @Inject(COMMITTED_LOG) committed: CommittedLog,
    @Inject(BUS) bus: Bus,
    @Inject(CLOCK) clock: Clock,
    @Inject(CONFIG) config: YardConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(METRICS) metrics: Metrics,
  ) {
    if (source === null) return;
    const { partitions } = config;
    registry.offerDuty('archive', () =>
      openArchiver({ source, committed, bus, partitions, logger, metrics }),
    );
    registry.offerDuty('snapshots', () => openUpkeep({ source, bus, clock, config, logger, metrics }));
  }
}
