import {
  commands,
  readNodeHeartbeat,
  roleFolds,
  telemetry,
  type ClusterCommand,
  type ClusterView,
  type ProjectionReport,
} from '@yardmaster/contracts';
import type { Clock } from '@yardmaster/kernel';
import {
  FollowerRegister,
  nodeFollower,
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
    succeeded: () => letGo(bus, followers, clock.now()),
    listen: () => [
      bus.subscribe(telemetry.heartbeats, (body) => {
        const { node, roles, positions, isLeaving } = readNodeHeartbeat(body);
        if (isLeaving) followers.left(nodeFollower(node));
        else if (roles.length > 0)
          followers.heard(
            nodeFollower(node),
            positions,
            clock.now(),
            roles.map(({ role }) => role),
          );
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

const ASK = { timeoutMs: 5_000, patienceMs: 3_000 };

/** Without an answer of the cluster manager everybody is waited for. */
async function letGo(bus: Bus, followers: FollowerRegister, now: number): Promise<void> {
  const view = await bus.request<ClusterView>(commands.cluster, { op: 'view' } satisfies ClusterCommand, ASK);
  if (!view.ok) return;
  const { nodes, roles } = view.value;
  followers.succeeded(
    {
      nodes: new Set(nodes.filter(({ state }) => state !== 'silent').map(({ node }) => node)),
      owners: new Map(
        roles.flatMap(({ role, node, state }) => (node !== null && state === 'active' ? [[role, node]] : [])),
      ),
    },
    now,
  );
}
