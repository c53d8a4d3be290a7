import { RoleHost, type RoleRegistry } from '@yardmaster/service-kit';
import type { OpenRuntime } from './open-runtime.js';

/** The host of every role that the modules of this process offered. */
export function roleHostOf(runtime: OpenRuntime, registry: RoleRegistry): RoleHost {
  const { config, log, keystore, bus, hub, clock, logger, metrics } = runtime;
  return new RoleHost({
    node: config.node,
    log,
    keystore,
    bus,
    hub,
    clock,
    handOver: config.handOver,
    roles: () => registry.roles(),
    onEvent: (what, detail) => {
      logger[what === 'failed' ? 'error' : 'info']({ what, detail }, 'roles');
    },
    observeCommit: (_stream, ms) => {
      metrics.observe('yard_log_commit_seconds', ms / 1000);
    },
  });
}
