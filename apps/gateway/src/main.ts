import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  brokerFromEnvironment,
  clusterNodeOf,
  openRuntime,
  outliveTerminal,
  resolveConfig,
} from '@yardmaster/composition';
import { RoleRegistry, startTracing, YardModule } from '@yardmaster/service-kit';
import { GatewayAppModule } from './gateway-app.module.js';
import { GatewayAdapter, openGateway } from './index.js';
import { openViews } from './views.js';

/** Hard end of a shutdown that hangs. */
const EXIT_PATIENCE_MS = 25_000;

outliveTerminal();
const stopTracing = await startTracing('yard-gateway', process.env);
const config = resolveConfig(process.env, 'gateway');
const runtime = await openRuntime(config, brokerFromEnvironment(process.env));
const views = await openViews(process.env);
const app = await NestFactory.create<NestFastifyApplication>(
  GatewayAppModule.of(YardModule.with(runtime), views),
  new GatewayAdapter(),
  { logger: ['error', 'warn'] },
);
const gateway = await openGateway(app);
const node = clusterNodeOf(runtime, app.get(RoleRegistry));
void node.start();
runtime.logger.info(
  { service: 'gateway', pid: process.pid, http: gateway.httpPort, grpc: gateway.grpcPort },
  'service is up',
);

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  setTimeout(() => process.exit(1), EXIT_PATIENCE_MS).unref();
  await node.stop();
  gateway.stop();
  await app.close();
  await views.close();
  await runtime.close();
  await stopTracing();
  process.exit(0);
}
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
