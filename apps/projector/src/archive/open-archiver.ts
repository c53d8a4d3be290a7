import { allStreams, commands, streams, type ArchivedCommand } from '@yardmaster/contracts';
import {
  Archiver,
  type ArchiveSource,
  type Bus,
  type CommittedLog,
  type Logger,
  type Metrics,
} from '@yardmaster/service-kit';
import { ArchiveDesk } from './archive-desk.js';
import { ArchiverDuty } from './archiver-duty.js';

export interface ArchiverParts {
  readonly source: ArchiveSource;
  readonly committed: Pick<CommittedLog, 'arrived'>;
  readonly bus: Bus;
  readonly partitions: number;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'set'>;
}

/** The archiver of a yard, not started. */
export function openArchiver({
  source,
  committed,
  bus,
  partitions,
  logger,
  metrics,
}: ArchiverParts): ArchiverDuty {
  // Dead letters have no chain and no owner.
  const chained = allStreams(partitions).filter((stream) => stream !== streams.deadLetters);
  return new ArchiverDuty({
    desk: new ArchiveDesk(source, chained, bus),
    log: committed,
    archiver: new Archiver({
      ...source,
      streams: chained,
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
