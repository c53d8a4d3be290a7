import { Inject, Module } from '@nestjs/common';
import { CONFIG, RoleRegistry, type YardConfig } from '@yardmaster/service-kit';
import { BatcherRole } from './batcher.role.js';

/** Orders what is ready; the queue manager knows it by its epoch, as it has no stream of its own. */
@Module({})
export class BatcherModule {
  constructor(@Inject(RoleRegistry) registry: RoleRegistry, @Inject(CONFIG) config: YardConfig) {
    registry.offer('batcher/main', () => new BatcherRole(config.partitions));
  }
}
