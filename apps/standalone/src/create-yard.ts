import 'reflect-metadata';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BatcherModule } from '@yardmaster/batcher';
import {
  clusterNodeOf,
  openRuntime,
  resolveConfig,
  type BrokerAccess,
  type OpenRuntime,
} from '@yardmaster/composition';
import { GatewayAdapter, GatewayModule, openGateway } from '@yardmaster/gateway';
import { IdGenModule } from '@yardmaster/idgen';
import { MonitorModule } from '@yardmaster/monitor';
import { memoryGraphSource, ProjectorModule, ProjectorThreadModule } from '@yardmaster/projector';
import { QueueManagerModule } from '@yardmaster/queue-manager';
import { RateLimiterModule } from '@yardmaster/ratelimiter';
import { ResourceManagerModule } from '@yardmaster/resource-manager';
import { openServers, type Servers } from '@yardmaster/servers';
import {
  mustNotBeAhead,
  RoleRegistry,
  startTracing,
  YardModule,
  YardTransport,
} from '@yardmaster/service-kit';
import { SubmitterModule } from '@yardmaster/submitter';
import { writeContext } from './context-file.js';
import { LocalAgent } from './local-agent.js';
import { nodeNameOf } from './node-name.js';
import { openViews, type OpenViews } from './open-views.js';
import { requireFreePort } from './taken-port.js';

export interface CreateYardOptions {
  /** State directory; default `YARD_HOME`, else `.yard` here. */
  readonly home?: string;
  /** Variables instead of the process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** Start an agent on this machine; default true. */
  readonly agent?: boolean;
  /** Slow steps, as lines for a person. */
  readonly onProgress?: (line: string) => void;
}

/** A yard that runs in this process. */
export interface RunningYard {
  readonly url: string;
  /** host:port of the gRPC door. */
  readonly grpc: string;
  readonly home: string;
  /** True when the state directory was made by this start. */
  readonly isNew: boolean;
  /** Why dependency graphs are kept in memory, or null when Neo4j keeps them. */
  readonly graphNote: string | null;
  readonly servers: Servers;
  /** Stops everything in order; resolves when no process of the yard is left. */
  close(): Promise<void>;
}

@Module({})
class YardInOneProcess {
  static of(
    runtime: OpenRuntime,
    broker: BrokerAccess,
    { views, stores, memoryGraph }: OpenViews,
  ): DynamicModule {
    return {
      module: YardInOneProcess,
      imports: [
        YardModule.with(runtime),
        RateLimiterModule,
        IdGenModule,
        SubmitterModule,
        BatcherModule,
        QueueManagerModule,
        ResourceManagerModule,
        MonitorModule,
        ProjectorThreadModule.with(broker, stores),
        ...(memoryGraph === null
          ? []
          : [ProjectorModule.with({ postgres: null, graph: memoryGraphSource(memoryGraph) })]),
        GatewayModule.with(views),
      ],
    };
  }
}

/** Starts a whole yard: backing servers under their keeper, every service in this process, an agent beside it. */
export async function createYard(options: CreateYardOptions = {}): Promise<RunningYard> {
  // One process talks to a person: its log says only what concerns them, unless asked.
  const env = {
    YARD_LOG_LEVEL: 'warn',
    ...(options.env ?? process.env),
    ...(options.home === undefined ? {} : { YARD_HOME: options.home }),
  };
  const resolved = resolveConfig(env, 'standalone');
  const isNew = !existsSync(path.join(resolved.home, 'operator.token'));
  await requireFreePort(resolved.host, resolved.httpPort, 'YARD_HTTP_PORT');
  await requireFreePort(resolved.host, resolved.grpcPort, 'YARD_GRPC_PORT');
  const stopTracing = await startTracing('yard', env);
  const servers = await openServers({
    home: resolved.home,
    env,
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  });
  const isNamed = (env as NodeJS.ProcessEnv)['YARD_NODE'] !== undefined;
  const config = { ...resolved, node: isNamed ? resolved.node : nodeNameOf(resolved.home) };
  const undo: (() => Promise<void> | void)[] = [() => servers.close()];
  const close = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
    await stopTracing();
  };
  try {
    const runtime = await openRuntime(config, servers.nats);
    undo.push(() => runtime.close());
    const views = openViews(servers);
    undo.push(() => views.close());
    const seen = (env as NodeJS.ProcessEnv)['YARD_REBUILD'] === '1' ? null : await views.seen();
    if (seen !== null) await mustNotBeAhead('Postgres', seen, runtime.log);
    const app = await NestFactory.create<NestFastifyApplication>(
      YardInOneProcess.of(runtime, servers.nats, views),
      new GatewayAdapter(),
      { logger: ['error', 'warn'], abortOnError: false },
    );
    const transport = new YardTransport(clusterNodeOf(runtime, app.get(RoleRegistry), { isWhole: true }));
    await new Promise<void>((resolve, reject) => {
      transport.listen((error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
    undo.push(() => transport.close());
    const gateway = await openGateway(app);
    undo.push(
      () => app.close(),
      () => {
        gateway.stop();
      },
    );
    const url = `http://${config.host}:${String(gateway.httpPort)}`;
    const grpc = `${config.host}:${String(gateway.grpcPort)}`;
    writeContext(config.home, { url, grpc });
    if (options.agent !== false) {
      const agent = new LocalAgent(config.home);
      agent.start();
      undo.push(() => agent.stop());
    }
    return {
      url,
      grpc,
      home: config.home,
      isNew,
      graphNote: 'absent' in servers.neo4j ? servers.neo4j.absent : null,
      servers,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
