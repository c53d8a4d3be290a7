import { Inject, Module } from '@nestjs/common';
import { CONFIG, RoleRegistry, type YardConfig } from '@yardmaster/service-kit';
import { QueueRole } from './queue.role.js';

/** Owner of the cell's queues. */
@Module({})
export class QueueManagerModule {
  constructor(@Inject(RoleRegistry) registry: RoleRegistry, @Inject(CONFIG) config: YardConfig) {
    registry.offer('queue/main', () => new QueueRole(config.partitions));
  }
}
