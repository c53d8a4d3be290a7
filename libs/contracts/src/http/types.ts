import type { ProjectionName, Verification } from '../commands/projector-commands.js';

/** JSON shapes of the public HTTP interface; docs/reference/http.md and /openapi.json say more. */

export type DurationText = string;

export interface RunRequest {
  script?: string;
  command?: string[];
  handler?: string;
  args?: string[];
  env?: Record<string, string>;
  input?: unknown;
}

export type DependencyRequest = string | { task: string; when?: 'afterOk' };

export interface TaskRequest {
  type?: 'job';
  name?: string;
  /** Key inside a workflow given as a list; the default is `name`. */
  key?: string;
  run: RunRequest;
  isolation?: 'none';
  resources?: string | Record<string, string | number>;
  scheduling?: {
    type?: 'once';
    at?: string;
    strategy?: string;
    priority?: string | number;
    priorityClass?: string;
    queue?: string;
    delayTolerance?: DurationText;
    onDelay?: 'run';
  };
  executionCap?: DurationText;
  /** How long its worker may be silent before it runs elsewhere: `30s` (default) to `15m`. */
  leaseTtl?: DurationText;
  retry?: {
    maxAttempts?: number;
    backoff?: { initial?: DurationText; max?: DurationText };
    on?: string[];
    lost?: number;
  };
  totalAttempts?: number;
  dependsOn?: DependencyRequest[];
  idempotent?: boolean;
  labels?: Record<string, string>;
  constraints?: { require?: Record<string, string>; prefer?: object; avoid?: object; tolerate?: unknown[] };
}

export interface WorkflowRequest {
  name: string;
  tasks: Record<string, TaskRequest> | (TaskRequest & { name: string })[];
  labels?: Record<string, string>;
  failureMode?: 'finish-independent';
}

export interface SubmitTaskResponse {
  id: string;
  state: string;
  position: string;
}
/** `error` is a problem; the other items are accepted all the same. */
export interface SubmitTasksResponse {
  items: ({ id: string; state: string } | { error: unknown })[];
  position: string;
}
export interface SubmitWorkflowResponse {
  id: string;
  state: string;
  tasks: Record<string, string>;
  position: string;
}

export type Status = 'waiting' | 'in_progress' | 'done' | 'failed';

export interface TaskResponse {
  id: string;
  name: string;
  key: string | null;
  tenant: string;
  userId: number;
  workflow: string | null;
  state: string;
  status: Status;
  spec: {
    run: RunRequest;
    resources: Record<string, number>;
    queue: string;
    priority: number;
    strategy: string | null;
    delayTolerance: DurationText | null;
    executionCap: DurationText;
    /** Where the task names one; not shown of tasks that ended long ago. */
    leaseTtl?: DurationText;
    totalAttempts: number;
    idempotent: boolean;
    schedulingType: string;
    at: string | null;
  };
  labels: Record<string, string>;
  dependsOn: string[];
  /** Attempts begun. */
  attemptsMade: number;
  /** Empty in lists. */
  attempts: AttemptResponse[];
  waitReason: string | null;
  result: unknown;
  error: string | null;
  category: string | null;
  admittedBy: { node: string; epoch: number };
  submittedAt: string;
  startedAt: string | null;
  endedAt: string | null;
}

export interface AttemptResponse {
  attempt: number;
  worker: string;
  fence: number;
  outcome: string | null;
  exitCode: number | null;
  startedAt: string;
  endedAt: string | null;
  error: string | null;
  /** 0..1, as the running attempt said last; null when it ended or never said. */
  progress: number | null;
}

export interface WorkflowResponse {
  id: string;
  name: string;
  tenant: string;
  userId: number;
  state: 'running' | 'succeeded' | 'failed' | 'cancelled';
  status: Status;
  labels: Record<string, string>;
  counts: Record<string, number>;
  submittedAt: string;
  endedAt: string | null;
  tasks: {
    id: string;
    key: string;
    name: string;
    state: string;
    status: Status;
    rank: number;
    dependsOn: string[];
  }[];
}

/** One event of `GET /v1/events`; the SSE `event:` field repeats `type`, `id:` is the position after it. */
export interface EventResponse {
  type: string;
  time: string;
  task?: string;
  workflow?: string;
  name?: string;
  state?: string;
  status?: Status;
  attempt?: number;
  worker?: string;
  result?: unknown;
  error?: string | null;
  [more: string]: unknown;
}

/** Answer of `GET /v1/tasks/{id}/result`; large results are read in full. `endedAt` null = not ended yet. */
export interface ResultResponse {
  id: string;
  state: string;
  status: Status;
  result: unknown;
  error: string | null;
  endedAt: string | null;
}

/** Answer of `GET /v1/tasks/{id}/why`. `parts` is what each role says, in order of precedence. */
export interface WhyResponse {
  id: string;
  state: string;
  status: Status;
  reason: string | null;
  detail: string | null;
  parts: { from: string; reason: string; detail: string; extra?: unknown }[];
}

export interface CancelResponse {
  id: string;
  state: string;
  status: Status;
}

export interface WorkflowSummaryResponse {
  id: string;
  name: string;
  tenant: string;
  userId: number;
  state: 'running' | 'succeeded' | 'failed' | 'cancelled';
  status: Status;
  count: number;
  submittedAt: string;
  endedAt: string | null;
}

export interface GraphResponse {
  tasks: {
    id: string;
    key: string | null;
    name: string;
    state: string;
    status: Status;
    rank: number;
    workflow: string | null;
  }[];
  edges: { from: string; to: string; kind: 'afterOk' }[];
}

export interface WorkerResponse {
  id: string;
  name: string;
  kind: 'agent' | 'sdk';
  /** The only tenant it serves; null = all. */
  tenant: string | null;
  state: 'healthy' | 'unhealthy' | 'cordoned' | 'gone';
  capacity: Record<string, number>;
  used: Record<string, number>;
  handlers: string[];
  labels: Record<string, string>;
  leases: number;
  lastHeartbeatMsAgo: number | null;
  gateway: string;
}

/** Answer of `POST /v1/admin/verify`. A view that nobody keeps is null. */
export interface ViewsVerificationResponse {
  /** Names this verification in a later call. */
  run: string;
  state: Verification['state'];
  /** null while it runs and when it failed. */
  equal: boolean | null;
  relational: Verification | null;
  graph: Verification | null;
  /** The archive of each stream: whole by itself, and as the stream says. */
  archive: Verification | null;
}

/** Answer of `POST /v1/admin/rebuild`: the views that are being made anew. */
export interface ViewsRebuildResponse {
  rebuilding: ProjectionName[];
}

export interface ScriptResponse {
  path: string;
  sha256: string;
  bytes: number;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}
