import { Inject, Module } from '@nestjs/common';
import { CONFIG, RoleRegistry, type YardConfig } from '@yardmaster/service-kit';
import { firstKeys } from './first-keys.js';
import { LimitsRole } from './limits.role.js';

/** Owner of accounts, keys and limits. */
@Module({})
export class RateLimiterModule {
  constructor(@Inject(RoleRegistry) registry: RoleRegistry, @Inject(CONFIG) config: YardConfig) {
    const keys = firstKeys(config.home);
    registry.offer('limits', () => new LimitsRole(keys));
  }
}
