import type { JsonSchema } from './json-schema.js';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface RouteSpec {
  /** Unique name; the role matrix and OpenAPI's operationId use it. */
  readonly operation: string;
  readonly method: HttpMethod;
  /** OpenAPI form: `/v1/tasks/{id}`; a last `{path*}` takes the rest of the address. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  /** Needs no key. */
  readonly open?: true;
  readonly query?: Readonly<Record<string, JsonSchema>>;
  readonly headers?: Readonly<Record<string, JsonSchema>>;
  readonly body?: {
    readonly schema: string | readonly string[] | null;
    readonly types: readonly string[];
    readonly limit: keyof typeof import('./request-schemas.js').LIMITS;
    readonly optional?: true;
  };
  readonly answer: { readonly status: number; readonly schema?: string; readonly type?: string };
}

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const BYTES = 'application/octet-stream';
const str: JsonSchema = { type: 'string' };
const int = (minimum: number, maximum?: number): JsonSchema => ({
  type: 'integer',
  minimum,
  ...(maximum === undefined ? {} : { maximum }),
});
const paging = { limit: int(1, 1000), cursor: str };
const wait = { wait: { ...str, description: 'Waits this long for the end, as in `30s`; at most 60 s.' } };
const idempotency = {
  'Idempotency-Key': {
    ...str,
    minLength: 1,
    maxLength: 255,
    description: 'The same key with the same body names the same submission.',
  },
};
const json = (schema: string): NonNullable<RouteSpec['body']> => ({
  schema,
  types: [JSON_TYPE],
  limit: 'smallBytes',
});
const depth = { depth: int(1, 1000) };

/** Every HTTP call: what is registered, documented and authorised is held to this list by a test. */
export const ROUTES = [
  {
    operation: 'submitTasks',
    method: 'POST',
    path: '/v1/tasks',
    tag: 'Tasks',
    summary: 'Submit one task, or up to 10,000 as `{tasks: [...]}` with a result per item',
    headers: idempotency,
    body: {
      schema: ['TaskRequest', 'BulkRequest'],
      types: [JSON_TYPE, YAML_TYPE, 'application/x-ndjson'],
      limit: 'bulkBytes',
    },
    answer: { status: 202, schema: 'SubmitTaskAnswer' },
  },
  {
    operation: 'listTasks',
    method: 'GET',
    path: '/v1/tasks',
    tag: 'Tasks',
    summary: 'List tasks',
    query: {
      ...paging,
      state: str,
      status: str,
      queue: str,
      tenant: str,
      workflow: str,
      label: { ...str, description: '`name=value`' },
      name: str,
      since: str,
      until: str,
      sort: { type: 'string', enum: ['newest', 'oldest'] },
    },
    answer: { status: 200, schema: 'TaskPage' },
  },
  {
    operation: 'getTask',
    method: 'GET',
    path: '/v1/tasks/{id}',
    tag: 'Tasks',
    summary: 'One task; `?wait=30s` waits for its end',
    query: wait,
    answer: { status: 200, schema: 'Task' },
  },
  {
    operation: 'cancelTask',
    method: 'POST',
    path: '/v1/tasks/{id}/cancel',
    tag: 'Tasks',
    summary: 'Cancel a task',
    answer: { status: 202, schema: 'CancelAnswer' },
  },
  {
    operation: 'forceEndTask',
    method: 'POST',
    path: '/v1/tasks/{id}/force-end',
    tag: 'Tasks',
    summary: 'End a task at once as failed, for a reason; an attempt under way is fenced and killed',
    body: json('ForceEndRequest'),
    answer: { status: 200, schema: 'CancelAnswer' },
  },
  {
    operation: 'whyTask',
    method: 'GET',
    path: '/v1/tasks/{id}/why',
    tag: 'Tasks',
    summary: 'Why the task is waiting',
    answer: { status: 200, schema: 'Why' },
  },
  {
    operation: 'taskEvents',
    method: 'GET',
    path: '/v1/tasks/{id}/events',
    tag: 'Tasks',
    summary: 'What the log says about one task',
    answer: { status: 200, schema: 'TaskEvents' },
  },
  {
    operation: 'taskAttempts',
    method: 'GET',
    path: '/v1/tasks/{id}/attempts',
    tag: 'Tasks',
    summary: 'Attempts of one task',
    answer: { status: 200, schema: 'Attempts' },
  },
  {
    operation: 'taskLogs',
    method: 'GET',
    path: '/v1/tasks/{id}/logs',
    tag: 'Tasks',
    summary: 'Output of an attempt, the last one by default',
    query: {
      follow: { type: 'string', enum: ['true', 'false', '1', '0', ''] },
      attempt: int(1),
      stream: { type: 'string', enum: ['stdout', 'stderr'] },
      offset: int(0),
    },
    answer: { status: 200, type: 'text/plain; charset=utf-8' },
  },
  {
    operation: 'taskResult',
    method: 'GET',
    path: '/v1/tasks/{id}/result',
    tag: 'Tasks',
    summary: 'Result of one task; large ones are read from the blob store',
    query: wait,
    answer: { status: 200, schema: 'Result' },
  },
  {
    operation: 'taskUpstream',
    method: 'GET',
    path: '/v1/tasks/{id}/upstream',
    tag: 'Graph',
    summary: 'What the task waits for, directly and not',
    query: depth,
    answer: { status: 200, schema: 'Graph' },
  },
  {
    operation: 'taskDownstream',
    method: 'GET',
    path: '/v1/tasks/{id}/downstream',
    tag: 'Graph',
    summary: 'What waits for the task, directly and not',
    query: depth,
    answer: { status: 200, schema: 'Graph' },
  },

  {
    operation: 'submitWorkflow',
    method: 'POST',
    path: '/v1/workflows',
    tag: 'Workflows',
    summary: 'Submit a workflow',
    headers: idempotency,
    body: { schema: 'WorkflowRequest', types: [JSON_TYPE, YAML_TYPE], limit: 'workflowBytes' },
    answer: { status: 202, schema: 'SubmitWorkflowAnswer' },
  },
  {
    operation: 'listWorkflows',
    method: 'GET',
    path: '/v1/workflows',
    tag: 'Workflows',
    summary: 'List workflows',
    query: { ...paging, tenant: str },
    answer: { status: 200, schema: 'WorkflowPage' },
  },
  {
    operation: 'getWorkflow',
    method: 'GET',
    path: '/v1/workflows/{id}',
    tag: 'Workflows',
    summary: 'One workflow with its tasks; `?wait=30s` waits for its end',
    query: wait,
    answer: { status: 200, schema: 'Workflow' },
  },
  {
    operation: 'workflowGraph',
    method: 'GET',
    path: '/v1/workflows/{id}/graph',
    tag: 'Graph',
    summary: 'Tasks and dependencies of a workflow',
    answer: { status: 200, schema: 'Graph' },
  },
  {
    operation: 'workflowTasks',
    method: 'GET',
    path: '/v1/workflows/{id}/tasks',
    tag: 'Workflows',
    summary: 'List the tasks of a workflow',
    query: { ...paging, state: str, status: str },
    answer: { status: 200, schema: 'TaskPage' },
  },
  {
    operation: 'cancelWorkflow',
    method: 'POST',
    path: '/v1/workflows/{id}/cancel',
    tag: 'Workflows',
    summary: 'Cancel what has not ended',
    answer: { status: 202, schema: 'CancelAnswer' },
  },

  {
    operation: 'listWorkers',
    method: 'GET',
    path: '/v1/workers',
    tag: 'Workers',
    summary: 'List workers',
    answer: { status: 200, schema: 'WorkerPage' },
  },
  {
    operation: 'workerSession',
    method: 'GET',
    path: '/v1/workers/session',
    tag: 'Workers',
    summary: 'WebSocket of one worker: batched msgpack frames',
    query: { worker: str },
    answer: { status: 101 },
  },
  {
    operation: 'getWorker',
    method: 'GET',
    path: '/v1/workers/{id}',
    tag: 'Workers',
    summary: 'One worker',
    answer: { status: 200, schema: 'Worker' },
  },
  {
    operation: 'cordonWorker',
    method: 'POST',
    path: '/v1/workers/{id}/cordon',
    tag: 'Workers',
    summary: 'Give it no new work',
    answer: { status: 200, schema: 'Worker' },
  },
  {
    operation: 'uncordonWorker',
    method: 'POST',
    path: '/v1/workers/{id}/uncordon',
    tag: 'Workers',
    summary: 'Give it work again',
    answer: { status: 200, schema: 'Worker' },
  },
  {
    operation: 'drainWorker',
    method: 'POST',
    path: '/v1/workers/{id}/drain',
    tag: 'Workers',
    summary: 'Give it no new work, and from a deadline on end what it still runs, at no cost to it',
    body: json('DrainRequest'),
    answer: { status: 200, schema: 'Worker' },
  },
  {
    operation: 'capacity',
    method: 'GET',
    path: '/v1/capacity',
    tag: 'Workers',
    summary: 'Capacity, use and backlog',
    answer: { status: 200, schema: 'Capacity' },
  },

  {
    operation: 'listQueues',
    method: 'GET',
    path: '/v1/queues',
    tag: 'Queues',
    summary: 'List queues',
    answer: { status: 200, schema: 'QueuePage' },
  },
  {
    operation: 'getQueue',
    method: 'GET',
    path: '/v1/queues/{name}',
    tag: 'Queues',
    summary: 'One queue',
    answer: { status: 200, schema: 'Queue' },
  },
  {
    operation: 'putQueue',
    method: 'PUT',
    path: '/v1/queues/{name}',
    tag: 'Queues',
    summary: 'Say how long the leases of its tasks last',
    body: json('QueueRequest'),
    answer: { status: 200, schema: 'Queue' },
  },
  {
    operation: 'pauseQueue',
    method: 'POST',
    path: '/v1/queues/{name}/pause',
    tag: 'Queues',
    summary: 'Start nothing from it',
    answer: { status: 200, schema: 'Queue' },
  },
  {
    operation: 'resumeQueue',
    method: 'POST',
    path: '/v1/queues/{name}/resume',
    tag: 'Queues',
    summary: 'Start from it again',
    answer: { status: 200, schema: 'Queue' },
  },

  {
    operation: 'events',
    method: 'GET',
    path: '/v1/events',
    tag: 'Events',
    summary: 'Server-sent events of the tenant; `id:` is an opaque position to resume from',
    query: {
      from: { ...str, description: 'A position, or `start`; the default is now.' },
      types: { ...str, description: 'Event types, separated by commas.' },
      workflow: str,
      task: str,
    },
    headers: { 'Last-Event-ID': str },
    answer: { status: 200, type: 'text/event-stream' },
  },
  {
    operation: 'alerts',
    method: 'GET',
    path: '/v1/alerts',
    tag: 'Cluster',
    summary: 'Alerts, each with the action to take',
    answer: { status: 200, schema: 'AlertPage' },
  },
  {
    operation: 'deadLetters',
    method: 'GET',
    path: '/v1/dead-letters',
    tag: 'Cluster',
    summary: 'Messages that no service could read, newest first, each with the reason',
    query: { limit: int(1, 500) },
    answer: { status: 200, schema: 'DeadLetterPage' },
  },
  {
    operation: 'cluster',
    method: 'GET',
    path: '/v1/cluster',
    tag: 'Cluster',
    summary: 'Nodes, roles, epochs, projection lag',
    answer: { status: 200, schema: 'Cluster' },
  },

  {
    operation: 'raiseLevel',
    method: 'POST',
    path: '/v1/admin/feature-level',
    tag: 'Cluster',
    summary: 'Raise the feature level to the highest that every node can work at; for good',
    answer: { status: 200, schema: 'Cluster' },
  },
  {
    operation: 'maintenance',
    method: 'POST',
    path: '/v1/admin/maintenance',
    tag: 'Cluster',
    summary: 'Let no lease run out for a while, so that a planned outage of the yard ends nothing that runs',
    body: json('MaintenanceRequest'),
    answer: { status: 200, schema: 'Maintenance' },
  },
  {
    operation: 'verifyViews',
    method: 'POST',
    path: '/v1/admin/verify',
    tag: 'Cluster',
    summary:
      'Make the views anew beside what is stored and compare; still running after 50 s: ask again with its `run`',
    query: { run: { ...str, minLength: 1, maxLength: 64, description: 'A verification begun before.' } },
    answer: { status: 200, schema: 'ViewsVerification' },
  },
  {
    operation: 'rebuildViews',
    method: 'POST',
    path: '/v1/admin/rebuild',
    tag: 'Cluster',
    summary:
      'Throw the views away and make them anew from the log; `projectionLag` of the cluster shows how far they are',
    answer: { status: 202, schema: 'ViewsRebuild' },
  },

  {
    operation: 'listTenants',
    method: 'GET',
    path: '/v1/tenants',
    tag: 'Accounts',
    summary: 'List tenants',
    answer: { status: 200, schema: 'TenantPage' },
  },
  {
    operation: 'getTenant',
    method: 'GET',
    path: '/v1/tenants/{id}',
    tag: 'Accounts',
    summary: 'One tenant',
    answer: { status: 200, schema: 'Tenant' },
  },
  {
    operation: 'putTenant',
    method: 'PUT',
    path: '/v1/tenants/{id}',
    tag: 'Accounts',
    summary: 'Create or change a tenant',
    body: json('TenantRequest'),
    answer: { status: 200, schema: 'Tenant' },
  },
  {
    operation: 'createKey',
    method: 'POST',
    path: '/v1/tenants/{id}/keys',
    tag: 'Accounts',
    summary: 'Make a key; it is shown this once',
    body: json('KeyRequest'),
    answer: { status: 201, schema: 'Key' },
  },
  {
    operation: 'putKey',
    method: 'PUT',
    path: '/v1/tenants/{id}/keys',
    tag: 'Accounts',
    summary: 'The same as POST',
    body: json('KeyRequest'),
    answer: { status: 201, schema: 'Key' },
  },
  {
    operation: 'revokeKey',
    method: 'DELETE',
    path: '/v1/tenants/{id}/keys/{keyId}',
    tag: 'Accounts',
    summary: 'Revoke a key',
    answer: { status: 200, schema: 'Ok' },
  },
  {
    operation: 'putSubscription',
    method: 'PUT',
    path: '/v1/subscriptions/{name}',
    tag: 'Accounts',
    summary: 'Define a subscription',
    body: json('SubscriptionRequest'),
    answer: { status: 200, schema: 'Subscription' },
  },

  {
    operation: 'putScript',
    method: 'PUT',
    path: '/v1/scripts/{path*}',
    tag: 'Scripts',
    summary: 'Upload a script',
    body: { schema: null, types: [BYTES, 'text/plain', '*/*'], limit: 'scriptBytes' },
    answer: { status: 200, schema: 'Script' },
  },

  {
    operation: 'getBlob',
    method: 'GET',
    path: '/v1/worker/blobs/{tenant}/{sha256}',
    tag: 'Worker',
    summary: 'A script or a large value, for the worker that runs the task',
    answer: { status: 200, type: BYTES },
  },
  {
    operation: 'putBlob',
    method: 'PUT',
    path: '/v1/worker/blobs/{tenant}',
    tag: 'Worker',
    summary: 'Store a large result',
    body: { schema: null, types: [BYTES, '*/*'], limit: 'blobBytes' },
    answer: { status: 200, schema: 'Stored' },
  },
  {
    operation: 'putLog',
    method: 'PUT',
    path: '/v1/worker/attempts/{tenant}/{task}/{attempt}/logs/{stream}',
    tag: 'Worker',
    summary: 'Output of an attempt from an offset on; a repeat is harmless',
    query: { offset: int(0) },
    body: { schema: null, types: [BYTES, '*/*'], limit: 'logChunkBytes' },
    answer: { status: 200, schema: 'LogLength' },
  },

  {
    operation: 'livez',
    method: 'GET',
    path: '/livez',
    tag: 'System',
    summary: 'The process runs',
    open: true,
    answer: { status: 200, schema: 'Ok' },
  },
  {
    operation: 'readyz',
    method: 'GET',
    path: '/readyz',
    tag: 'System',
    summary: 'The yard accepts work',
    open: true,
    answer: { status: 200, schema: 'Ready' },
  },
  {
    operation: 'metrics',
    method: 'GET',
    path: '/metrics',
    tag: 'System',
    summary: 'Prometheus metrics',
    answer: { status: 200, type: 'text/plain' },
  },
  {
    operation: 'openapi',
    method: 'GET',
    path: '/openapi.json',
    tag: 'System',
    summary: 'This description',
    open: true,
    answer: { status: 200, type: JSON_TYPE },
  },
  {
    operation: 'docs',
    method: 'GET',
    path: '/docs',
    tag: 'System',
    summary: 'This description, to read',
    open: true,
    answer: { status: 200, type: 'text/html' },
  },
  {
    operation: 'statusPage',
    method: 'GET',
    path: '/',
    tag: 'System',
    summary: 'Status page',
    open: true,
    answer: { status: 200, type: 'text/html' },
  },
  {
    operation: 'pageAsset',
    method: 'GET',
    path: '/assets/{file}',
    tag: 'System',
    summary: 'Scripts and styles of the pages',
    open: true,
    answer: { status: 200, type: BYTES },
  },
] as const satisfies readonly RouteSpec[];

export type Operation = (typeof ROUTES)[number]['operation'];
