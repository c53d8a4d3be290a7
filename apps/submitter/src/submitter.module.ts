import { Inject, Module } from '@nestjs/common';
import { readNodeHeartbeat, telemetry } from '@yardmaster/contracts';
import type { Clock } from '@yardmaster/kernel';
import type { BlobStore } from '@yardmaster/ports';
import {
  BLOBS,
  BUS,
  CLOCK,
  CONFIG,
  MANAGER_ROLE,
  METRICS,
  RoleRegistry,
  TaskTracing,
  type Bus,
  type Metrics,
  type YardConfig,
} from '@yardmaster/service-kit';
import { ClusterRole } from './cluster.role.js';
import { IdSource } from './id-source.js';
import { NodeRoster } from './node-roster.js';
import { SubmitterRole } from './submitter.role.js';

/** Owners of the task partitions, and the cluster manager among them. */
@Module({})
export class SubmitterModule {
  constructor(
    @Inject(RoleRegistry) registry: RoleRegistry,
    @Inject(BUS) bus: Bus,
    @Inject(CLOCK) clock: Clock,
    @Inject(CONFIG) config: YardConfig,
    @Inject(BLOBS) blobs: BlobStore,
    @Inject(METRICS) metrics: Metrics,
  ) {
    const tracing = new TaskTracing();
    const counters = {
      submitted: (tasks: number) => {
        metrics.count('yard_tasks_submitted_total', tasks);
      },
      ended: (outcome: string, tasks: number) => {
        metrics.count('yard_tasks_total', tasks, { outcome });
      },
    };
    const roster = new NodeRoster(clock);
    // Heard by those too who do not manage yet: a new manager knows at once who has been silent.
    bus.subscribe(telemetry.heartbeats, (beat) => {
      roster.heard(readNodeHeartbeat(beat));
    });
    registry.offer(MANAGER_ROLE, () => new ClusterRole(config.partitions, roster, config.featureLevel));
    for (let p = 0; p < config.partitions; p++)
      registry.offer(
        `submitter/${String(p)}`,
        () =>
          new SubmitterRole(p, new IdSource(bus, p, `${config.node}/${String(p)}`), tracing, blobs, counters),
      );
  }
}
