import path from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  BLOBS,
  BUS,
  COMMITTED_LOG,
  CONFIG,
  DEAD_LETTERS,
  LOGGER,
  METRICS,
  type Bus,
  type CommittedLog,
  type DeadLetters,
  type Logger,
  type Metrics,
  type YardConfig,
} from '@yardmaster/service-kit';
import type { BlobStore } from '@yardmaster/ports';
import { Admission } from './admission/admission.js';
import { BodySpool } from './body/body-spool.js';
import { Authenticator } from './auth/authenticator.js';
import { LogHeads } from './events/log-heads.js';
import { followedStreams } from './events/position.js';
import { GatewayGrpc } from './grpc/gateway-grpc.js';
import { guardEntry } from './http/entry.js';
import { eventRoute } from './http/event-route.js';
import { ProblemFilter } from './http/problem.filter.js';
import { readRoutes } from './http/read-routes.js';
import { submitRoutes } from './http/submit-routes.js';
import { workerRoutes } from './http/worker-routes.js';
import { TokenBlocks } from './limits/token-blocks.js';
import { WorkerSessions } from './sessions/worker-sessions.js';
import { AttemptOutput } from './tasks/attempt-output.js';
import { EndWaiters } from './tasks/end-waiters.js';
import { TaskReads } from './tasks/task-reads.js';
import { WorkflowReads } from './tasks/workflow-reads.js';
import { TenantDirectory } from './tenants.js';

export interface OpenGateway {
  readonly httpPort: number;
  readonly grpcPort: number;
  /** Takes nothing new: ends streams and sessions, gives unused tokens back. The application closes the servers. */
  readonly stop: () => void;
}

export interface GatewayOptions {
  /** False = no gRPC door. */
  readonly grpc?: boolean;
}

/**
 * Opens the gateway of an application made by `NestFactory.create(module, new GatewayAdapter())`, whose modules include
 * GatewayModule and YardModule. Call it instead of `listen`.
 */
export async function openGateway(
  app: NestFastifyApplication,
  { grpc = true }: GatewayOptions = {},
): Promise<OpenGateway> {
  const config = app.get<YardConfig>(CONFIG);
  const logger = app.get<Logger>(LOGGER);
  const metrics = app.get<Metrics>(METRICS);
  const deadLetters = app.get<DeadLetters>(DEAD_LETTERS);
  const bus = app.get<Bus>(BUS);
  const log = app.get<CommittedLog>(COMMITTED_LOG);
  const authenticator = app.get(Authenticator);
  const tasks = app.get(TaskReads);
  const workflows = app.get(WorkflowReads);
  const output = app.get(AttemptOutput);
  const identify = authenticator.identify.bind(authenticator);

  const instance = app.getHttpAdapter().getInstance();
  guardEntry(instance, {
    identify,
    bodies: new BodySpool(path.join(config.home, 'tmp')),
    onResponse: (status) => {
      metrics.count('yard_http_requests_total', 1, { status: `${String(Math.floor(status / 100))}xx` });
    },
    onFault: (error, traceId, route) => {
      logger.error({ err: error, traceId, route }, 'a request failed by a fault of the yard');
    },
  });
  app.useGlobalFilters(app.get(ProblemFilter));
  submitRoutes(instance, app.get(Admission), app.get(LogHeads));
  readRoutes(instance, tasks, workflows, output);
  workerRoutes(instance, app.get<BlobStore>(BLOBS), output, app.get(TenantDirectory));
  const streams = new Set<() => void>();
  eventRoute(instance, {
    log,
    streamNames: followedStreams(config.partitions),
    tasks,
    workflows,
    identify,
    open: streams,
  });

  const sessions = new WorkerSessions({
    bus,
    gateway: config.node,
    identify,
    onGarbage: (worker, reason, data) => {
      deadLetters.add({
        where: `worker-session-${reason}`,
        subject: `worker ${worker}`,
        reason: 'the gateway took no frame from it',
        data,
      });
    },
    onCount: () => undefined,
  });
  const server = app.getHttpServer();
  server.on('connection', (socket) => {
    socket.setNoDelay(true);
  });
  sessions.attach(server);

  let door: GatewayGrpc | null = null;
  if (grpc) {
    door = new GatewayGrpc(config.host, config.grpcPort);
    app.connectMicroservice({ strategy: door });
    await app.startAllMicroservices();
  }
  await app.listen(config.httpPort, config.host);
  const address = server.address();
  return {
    httpPort: typeof address === 'object' && address !== null ? address.port : config.httpPort,
    grpcPort: door?.port ?? 0,
    stop: () => {
      for (const end of streams) end();
      sessions.close();
      app.get(EndWaiters).stop();
      app.get(TokenBlocks).close();
      authenticator.stop();
    },
  };
}
