import type {
  AttemptLogStore,
  BlobStore,
  EventLog,
  LogArchive,
  SnapshotStore,
  TenantKeystore,
} from '@yardmaster/ports';
import type { Clock } from '@yardmaster/kernel';
import type { ClusterLevel } from '../cluster/cluster-level.js';
import type { Bus } from '../bus/bus.js';
import type { CommittedLog } from '../log/committed-feed.js';
import type { DeadLetters } from '../log/dead-letters.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Logger } from '../telemetry/logger.js';

/** What a service is told at start. */
export interface YardConfig {
  readonly home: string;
  /** Folder of the log's archive, or `s3://bucket/prefix`. */
  readonly archive: string;
  /** Unique name of this process. */
  readonly node: string;
  readonly service: string;
  readonly host: string;
  /** 0 = any free port. */
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly partitions: number;
  /** Highest feature level that this process says it can work at. */
  readonly featureLevel: number;
  readonly logLevel: string;
  /** Where alerts are posted as JSON; null = nowhere. */
  readonly alertWebhook: string | null;
  readonly handOver: 'proposed' | 'committed';
  /** A role's snapshot is due after so many messages of its streams; 0 = none is taken. */
  readonly snapshotMessages: number;
  /** Messages of each stream that stay in the broker however well they are archived; null = nothing is purged. */
  readonly purgeKeepMessages: number | null;
}

/** What every service of a process shares. */
export interface YardRuntime {
  readonly config: YardConfig;
  readonly bus: Bus;
  readonly committed: CommittedLog;
  readonly blobs: BlobStore;
  readonly attemptLogs: AttemptLogStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly level: ClusterLevel;
  readonly metrics: Metrics;
  readonly deadLetters: DeadLetters;
  /** The log itself, and where it is copied to; only the archiver asks for them. */
  readonly archive?: ArchiveSource;
}

export interface ArchiveSource {
  readonly log: EventLog;
  readonly archive: LogArchive;
  /** What is taken of roles, beside it. */
  readonly snapshots: SnapshotStore;
  readonly keystore: TenantKeystore;
}

/** Injection tokens of the parts of a YardRuntime. */
export const BUS = Symbol('BUS');
export const COMMITTED_LOG = Symbol('COMMITTED_LOG');
export const CONFIG = Symbol('CONFIG');
export const LOGGER = Symbol('LOGGER');
export const CLOCK = Symbol('CLOCK');
export const BLOBS = Symbol('BLOBS');
export const ATTEMPT_LOGS = Symbol('ATTEMPT_LOGS');
export const METRICS = Symbol('METRICS');
/** ClusterLevel. */
export const LEVEL = Symbol('LEVEL');
export const DEAD_LETTERS = Symbol('DEAD_LETTERS');
/** ArchiveSource, or null. */
export const ARCHIVE = Symbol('ARCHIVE');
/** ReadModelQueries, or null while there is no relational view. */
export const READ_MODEL = Symbol('READ_MODEL');
/** GraphStore, or null. */
export const GRAPH = Symbol('GRAPH');
