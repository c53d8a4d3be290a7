import { readNodeHeartbeat, roleFolds, telemetry, type ProjectionReport } from '@yardmaster/contracts';
import type { Clock } from '@yardmaster/kernel';
import {
  FollowerRegister,
  Purger,
  Snapshotter,
  withArchive,
  type ArchiveSource,
  type Bus,
  type Logger,
  type Metrics,
  type YardConfig,
} from '@yardmaster/service-kit';
import { UpkeepDuty } from './upkeep-duty.js';

export interface UpkeepParts {
  readonly source: ArchiveSource;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly config: Pick<YardConfig, 'partitions' | 'snapshotMessages' | 'purgeKeepMessages'>;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'set'>;
}

/** Takes snapshots of every role, and purges what they and the archive make superfluous. Not started. */
export function openUpkeep({ source, bus, clock, config, logger, metrics }: UpkeepParts): UpkeepDuty {
  const { log, archive, snapshots: store, keystore } = source;
  const folds = roleFolds(config.partitions);
  const snapshotter = new Snapshotter({
    log: withArchive(log, archive),
    keystore,
    store,
    clock,
    folds,
    everyMessages: config.snapshotMessages,
    onLag: (role, messages) => {
      metrics.set('yard_snapshot_lag_messages', messages, { role });
    },
    onTaken: (role, { rows }, bytes) => {
      logger.debug({ role, rows, bytes }, 'a snapshot was taken');
    },
    onIgnored: (role, name, reason) => {
      logger.warn({ role, name, reason }, 'a snapshot is passed over');
    },
  });
  const followers = new FollowerRegister(store);
  const { purgeKeepMessages } = config;
  const purger =
    purgeKeepMessages === null
      ? null
      : new Purger({
          log,
          archive,
          folds,
          newest: (role) => snapshotter.newest(role),
          followers,
          keepMessages: purgeKeepMessages,
          now: () => clock.now(),
          onPurged: (stream, upTo) => {
            logger.info({ stream, upTo }, 'the front of a stream was purged: it is in the archive');
          },
          onFirst: (stream, first) => {
            metrics.set('yard_log_first_sequence', first, { stream });
          },
        });
  return new UpkeepDuty({
    snapshotter: config.snapshotMessages === 0 ? null : snapshotter,
    purger,
    followers,
    listen: () => [
      bus.subscribe(telemetry.heartbeats, (body) => {
        const { node, roles, positions, isLeaving } = readNodeHeartbeat(body);
        if (isLeaving) followers.left(`node/${node}`);
        else if (roles.length > 0) followers.heard(`node/${node}`, positions, clock.now());
      }),
      bus.subscribe(telemetry.projections, (body) => {
        const { projection, positions } = body as ProjectionReport;
        if (positions !== undefined) followers.heard(`project/${projection}`, positions, clock.now());
      }),
    ],
    onFailure: (error) => {
      logger.warn({ err: error }, `taking snapshots or purging failed, and is tried again: ${error.message}`);
    },
  });
}
