import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import type { Clock } from '@yardmaster/kernel';
import type { AttemptLogStore, BlobStore, GraphStore, ReadModelQueries } from '@yardmaster/ports';
import {
  ATTEMPT_LOGS,
  BLOBS,
  BUS,
  CLOCK,
  type ClusterLevel,
  LEVEL,
  COMMITTED_LOG,
  CONFIG,
  DEAD_LETTERS,
  GRAPH,
  READ_MODEL,
  type Bus,
  type CommittedLog,
  type DeadLetters,
  type YardConfig,
} from '@yardmaster/service-kit';
import { Admission } from './admission/admission.js';
import { Completion } from './admission/completion.js';
import { OwnerDispatch } from './admission/owner-dispatch.js';
import { PartitionChooser } from './admission/partitions.js';
import { Authenticator } from './auth/authenticator.js';
import { LogHeads } from './events/log-heads.js';
import { followedStreams } from './events/position.js';
import { GrpcEntry, GrpcProblemFilter } from './grpc/grpc-entry.js';
import { HealthGrpc } from './grpc/health.grpc.js';
import { TasksGrpc } from './grpc/tasks.grpc.js';
import { WorkflowsGrpc } from './grpc/workflows.grpc.js';
import { AccountsController } from './http/controllers/accounts.controller.js';
import { PlatformController } from './http/controllers/platform.controller.js';
import { SystemController } from './http/controllers/system.controller.js';
import { TasksController } from './http/controllers/tasks.controller.js';
import { WorkflowsController } from './http/controllers/workflows.controller.js';
import { ProblemFilter } from './http/problem.filter.js';
import { TokenBlocks } from './limits/token-blocks.js';
import { Accounts } from './platform/accounts.js';
import { PlatformReads } from './platform/platform-reads.js';
import { Views } from './platform/views.js';
import { ScriptStore } from './scripts/script-store.js';
import { AttemptOutput } from './tasks/attempt-output.js';
import { EndWaiters } from './tasks/end-waiters.js';
import { TaskHistory } from './tasks/task-history.js';
import { TaskReads } from './tasks/task-reads.js';
import { WorkflowReads } from './tasks/workflow-reads.js';
import { TenantDirectory } from './tenants.js';

/** Views that questions are answered from; null = not there. */
export interface GatewayViews {
  readonly readModel: ReadModelQueries | null;
  readonly graph: GraphStore | null;
}

const providers: Provider[] = [
  {
    provide: PartitionChooser,
    inject: [CONFIG],
    useFactory: ({ partitions }: YardConfig) => new PartitionChooser(partitions),
  },
  {
    provide: Authenticator,
    inject: [BUS, CLOCK],
    useFactory: (bus: Bus, clock: Clock) => new Authenticator(bus, clock),
  },
  {
    provide: TokenBlocks,
    inject: [BUS, CLOCK, CONFIG],
    useFactory: (bus: Bus, clock: Clock, { node }: YardConfig) => new TokenBlocks(bus, clock, node),
  },
  {
    provide: ScriptStore,
    inject: [CONFIG, BLOBS],
    useFactory: ({ home }: YardConfig, blobs: BlobStore) => new ScriptStore(home, blobs),
  },
  {
    provide: Completion,
    inject: [ScriptStore, BLOBS],
    useFactory: (scripts: ScriptStore, blobs: BlobStore) => new Completion(scripts, blobs),
  },
  {
    provide: OwnerDispatch,
    inject: [BUS, BLOBS, LEVEL],
    useFactory: (bus: Bus, blobs: BlobStore, level: ClusterLevel) => new OwnerDispatch(bus, blobs, level),
  },
  {
    provide: Admission,
    inject: [CLOCK, TokenBlocks, Completion, OwnerDispatch, PartitionChooser, LEVEL],
    useFactory: (
      clock: Clock,
      tokens: TokenBlocks,
      completion: Completion,
      dispatch: OwnerDispatch,
      partitions: PartitionChooser,
      level: ClusterLevel,
    ) => new Admission({ clock, tokens, completion, dispatch, partitions, level }),
  },
  {
    provide: EndWaiters,
    inject: [BUS, CONFIG],
    useFactory: (bus: Bus, { node }: YardConfig) => new EndWaiters(bus, node),
  },
  {
    provide: TenantDirectory,
    inject: [BUS, CLOCK],
    useFactory: (bus: Bus, clock: Clock) => new TenantDirectory(bus, () => clock.monotonic()),
  },
  {
    provide: TaskReads,
    inject: [BUS, CONFIG, EndWaiters, READ_MODEL, BLOBS, TenantDirectory],
    useFactory: (
      bus: Bus,
      { partitions }: YardConfig,
      waiters: EndWaiters,
      readModel: ReadModelQueries | null,
      blobs: BlobStore,
      tenants: TenantDirectory,
    ) => new TaskReads({ bus, partitions, waiters, readModel, blobs, tenants }),
  },
  {
    provide: WorkflowReads,
    inject: [BUS, CONFIG, EndWaiters, READ_MODEL, BLOBS, TenantDirectory, GRAPH, TaskReads],
    useFactory: (
      bus: Bus,
      { partitions }: YardConfig,
      waiters: EndWaiters,
      readModel: ReadModelQueries | null,
      blobs: BlobStore,
      tenants: TenantDirectory,
      graph: GraphStore | null,
      tasks: TaskReads,
    ) => new WorkflowReads({ bus, partitions, waiters, readModel, blobs, tenants, graph }, tasks),
  },
  { provide: TaskHistory, inject: [COMMITTED_LOG], useFactory: (log: CommittedLog) => new TaskHistory(log) },
  {
    provide: AttemptOutput,
    inject: [ATTEMPT_LOGS],
    useFactory: (store: AttemptLogStore) => new AttemptOutput(store),
  },
  {
    provide: LogHeads,
    inject: [COMMITTED_LOG, CONFIG, CLOCK],
    useFactory: (log: CommittedLog, { partitions }: YardConfig, clock: Clock) =>
      new LogHeads(log, followedStreams(partitions), () => clock.monotonic()),
  },
  {
    provide: PlatformReads,
    inject: [BUS, COMMITTED_LOG, READ_MODEL, TenantDirectory, CONFIG, DEAD_LETTERS],
    useFactory: (
      bus: Bus,
      log: CommittedLog,
      readModel: ReadModelQueries | null,
      tenants: TenantDirectory,
      { partitions }: YardConfig,
      letters: DeadLetters,
    ) => new PlatformReads({ bus, log, readModel, tenants, partitions, letters }),
  },
  { provide: Views, inject: [BUS], useFactory: (bus: Bus) => new Views(bus) },
  {
    provide: Accounts,
    inject: [BUS, TenantDirectory],
    useFactory: (bus: Bus, tenants: TenantDirectory) => new Accounts(bus, tenants),
  },
  GrpcEntry,
  GrpcProblemFilter,
  ProblemFilter,
];

/** The front door: HTTP, gRPC and worker sessions over one set of rules. Needs YardModule in the same application. */
@Module({})
export class GatewayModule {
  static with({ readModel, graph }: GatewayViews): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [
        TasksController,
        WorkflowsController,
        PlatformController,
        AccountsController,
        SystemController,
        TasksGrpc,
        WorkflowsGrpc,
        HealthGrpc,
      ],
      providers: [
        { provide: READ_MODEL, useValue: readModel },
        { provide: GRAPH, useValue: graph },
        ...providers,
      ],
      exports: [Authenticator],
    };
  }
}
