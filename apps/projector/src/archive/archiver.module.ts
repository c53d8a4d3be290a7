import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { allStreams, commands, streams, type ArchivedCommand } from '@yardmaster/contracts';
import {
  ARCHIVE,
  Archiver,
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
import { ArchiverDuty } from './archiver-duty.js';

/** Copies the log into the archive; a process without one has nothing to do here. */
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
    this.#duty =
      source === null
        ? null
        : new ArchiverDuty({
            archiver: new Archiver({
              ...source,
              // Dead letters have no chain and no owner.
              streams: allStreams(partitions).filter((stream) => stream !== streams.deadLetters),
              tell: async ({ stream, last, lastHash, sha256 }) => {
                const command: ArchivedCommand = { last, lastHash, sha256 };
                return (await bus.request(commands.archived(stream), command)).ok;
              },
            }),
            onBehind: (messages) => {
              metrics.set('yard_archive_lag_messages', messages);
            },
            onFailure: (error, isHalted) => {
              if (isHalted) logger.error({ err: error }, `the archiver has halted: ${error.message}`);
              else logger.warn({ err: error }, `the archiver tries again: ${error.message}`);
            },
          });
  }

  onApplicationBootstrap(): void {
    this.#duty?.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#duty?.stop();
  }
}
