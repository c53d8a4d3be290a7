import { ClusterNode, RoleHost, SnapshotLoader, type RoleRegistry } from '@yardmaster/service-kit';
import type { OpenRuntime } from './open-runtime.js';

/** This process as a node of the cluster, with every role that its modules offered. `isWhole`: it is a yard by itself. */
export function clusterNodeOf(
  runtime: OpenRuntime,
  registry: RoleRegistry,
  { isWhole = false } = {},
): ClusterNode {
  const { config, log, keystore, bus, hub, clock, level, logger, metrics } = runtime;
  const host =
    registry.roles.size === 0
      ? null
      : new RoleHost({
          node: config.node,
          log,
          keystore,
          bus,
          hub,
          snapshots: new SnapshotLoader({
            store: runtime.archive.snapshots,
            log,
            keystore,
            onIgnored: (role, name, reason) => {
              metrics.count('yard_snapshots_total', 1, { what: 'ignored' });
              logger.warn(
                { role, name, reason },
                'a snapshot is passed over: the role reads the log instead',
              );
            },
            onUsed: (role, name) => {
              metrics.count('yard_snapshots_total', 1, { what: 'used' });
              logger.debug({ role, name }, 'a role goes on from its snapshot');
            },
          }),
          clock,
          level: () => level.now,
          handOver: config.handOver,
          offers: registry.roles,
          isShared: () => node.isShared,
          onChange: () => {
            node.changed();
          },
          onEvent: (what, detail) => {
            logger[what === 'failed' ? 'error' : 'info']({ what, detail }, 'roles');
          },
          observeCommit: (_stream, ms) => {
            metrics.observe('yard_log_commit_seconds', ms / 1000);
          },
        });
  const node: ClusterNode = new ClusterNode({
    node: config.node,
    service: config.service,
    bus,
    clock,
    level,
    registry,
    host,
    openSeat: (holder) => runtime.openSeat(holder),
    isWhole,
    onFailure: (what, error) => {
      logger.warn({ what, err: error }, 'the cluster node had a failure; it tries again');
    },
  });
  return node;
}
