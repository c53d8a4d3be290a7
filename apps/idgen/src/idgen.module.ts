import { Inject, Module } from '@nestjs/common';
import { RoleRegistry } from '@yardmaster/service-kit';
import { IdsRole } from './ids.role.js';

/** Owner of the id generator numbers. */
@Module({})
export class IdGenModule {
  constructor(@Inject(RoleRegistry) registry: RoleRegistry) {
    registry.offer('ids', () => new IdsRole());
  }
}
