import { Module, type DynamicModule } from '@nestjs/common';
import { GatewayModule, type GatewayViews } from './gateway.module.js';

/** The gateway as a process of its own. */
@Module({})
export class GatewayAppModule {
  static of(yard: DynamicModule, views: GatewayViews): DynamicModule {
    return { module: GatewayAppModule, imports: [yard, GatewayModule.with(views)] };
  }
}
