import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RoleRegistry, startTracing, YardModule, YardTransport } from '@yardmaster/service-kit';
import { resolveConfig } from './config.js';
import { clusterNodeOf } from './cluster-node-of.js';
import { openRuntime, type BrokerAccess } from './open-runtime.js';
import { outliveTerminal } from './outlive-terminal.js';

/** Hard end of a shutdown that hangs. */
const EXIT_PATIENCE_MS = 25_000;

/** The broker as `YARD_NATS_URL` names it; durability is asked of the broker unless the one who configured it says so. */
export function brokerFromEnvironment(env: NodeJS.ProcessEnv): BrokerAccess {
  const url = env['YARD_NATS_URL'];
  if (url === undefined || url === '')
    throw new Error(
      'YARD_NATS_URL is not set: a service alone needs a broker; `npm run dev:cluster` starts one',
    );
  return {
    url,
    user: env['YARD_NATS_USER'],
    password: env['YARD_NATS_PASSWORD'],
    syncAlways: env['YARD_NATS_SYNC'] === 'always',
    replicas: env['YARD_NATS_REPLICAS'] === '3' ? 3 : 1,
  };
}

@Module({})
class ServiceModule {
  static of(
    runtime: Parameters<typeof YardModule.with>[0],
    modules: readonly (Type | DynamicModule)[],
  ): DynamicModule {
    return { module: ServiceModule, imports: [YardModule.with(runtime), ...modules] };
  }
}

/** Runs one service as a process of its own, until SIGTERM or SIGINT. */
export async function runService(service: string, modules: readonly (Type | DynamicModule)[]): Promise<void> {
  outliveTerminal();
  const stopTracing = await startTracing(`yard-${service}`, process.env);
  const config = resolveConfig(process.env, service);
  const runtime = await openRuntime(config, brokerFromEnvironment(process.env));
  // Nest logs through pino only what concerns the operator.
  const context = await NestFactory.createApplicationContext(ServiceModule.of(runtime, modules), {
    logger: ['error', 'warn'],
  });
  const transport = new YardTransport(clusterNodeOf(runtime, context.get(RoleRegistry)));
  let stopping = false;
  // In this order: nothing new is taken and roles go to others; what is under way ends; the stores; the broker last.
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), EXIT_PATIENCE_MS).unref();
    await transport.close();
    await context.close();
    await runtime.close();
    await stopTracing();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  await new Promise<void>((resolve, reject) => {
    transport.listen((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
  });
  runtime.logger.info({ service, pid: process.pid }, 'service is up');
}
