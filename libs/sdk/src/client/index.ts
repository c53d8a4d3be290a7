export type {
  AttemptResponse,
  CancelResponse,
  DependencyRequest,
  ErrorCode,
  EventResponse,
  GraphResponse,
  Page,
  Problem,
  RunRequest,
  ScriptResponse,
  Status,
  TaskRequest,
  TaskResponse,
  WhyResponse,
  WorkerResponse,
  WorkflowRequest,
  WorkflowResponse,
  WorkflowSummaryResponse,
} from '@yardmaster/contracts';
export { findHome, resolveConnection, type Connection, type ConnectionOptions } from './connection.js';
export { durationMs, type Duration } from './duration.js';
export { hasEnded } from './ends.js';
export { TaskFailedError, WaitTimeoutError, YardApiError } from './errors.js';
export { EventBatch } from './event-batch.js';
export type { BatchOptions, EventsOptions } from './events.js';
export type { Call, Method } from './http-channel.js';
export type { ListOptions } from './paging.js';
export type {
  AlertResponse,
  DeadLetterResponse,
  CapacityResponse,
  ClusterNodeResponse,
  ClusterResponse,
  ClusterRoleResponse,
  QueueResponse,
  Queues,
  Scripts,
  Workers,
} from './platform.js';
export type { BulkItem, BulkOptions } from './submit-many.js';
export { TaskHandle, type WaitOptions } from './task-handle.js';
export type { LogOptions, SubmitOptions, TaskFilter, Tasks } from './tasks.js';
export { WorkflowHandle, type Workflows } from './workflows.js';
export { Yard, type YardOptions } from './yard.js';
