import { ClusterNode, RoleHost, type RoleRegistry } from '@yardmaster/service-kit';
import type { OpenRuntime } from './open-runtime.js';

/** This process as a node of the cluster, with every role that its modules offered. `isWhole`: it is a yard by itself. */
export function clusterNodeOf(
  runtime: OpenRuntime,
  registry: RoleRegistry,
  { isWhole = false } = {},
): ClusterNode {
  const { config, log, keystore, bus, hub, clock, logger, metrics } = runtime;
  const host =
    registry.roles.size === 0
      ? null
      : new RoleHost({
          node: config.node,
          log,
          keystore,
          bus,
          hub,
          clock,
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
