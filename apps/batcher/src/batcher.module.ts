import { Inject, Module } from '@nestjs/common';
import { commands, type ClusterCommand } from '@yardmaster/contracts';
import { BUS, CONFIG, RoleRegistry, type Bus, type YardConfig } from '@yardmaster/service-kit';
import { BatcherRole } from './batcher.role.js';

/** Orders what is ready; its epoch comes from the cluster manager, as it has no stream of its own. */
@Module({})
export class BatcherModule {
  constructor(
    @Inject(RoleRegistry) registry: RoleRegistry,
    @Inject(BUS) bus: Bus,
    @Inject(CONFIG) config: YardConfig,
  ) {
    registry.offer(() => {
      let epoch = 0;
      const assign: ClusterCommand = { op: 'assign', role: 'batcher/main', node: config.node };
      const ask = (): void => {
        void bus
          .request<{ epoch: number }>(commands.cluster, assign, { patienceMs: 60_000 })
          .then((reply) => {
            if (reply.ok) epoch = reply.value.epoch;
            else setTimeout(ask, 1_000).unref();
          });
      };
      ask();
      return [new BatcherRole(config.partitions, () => epoch)];
    });
  }
}
