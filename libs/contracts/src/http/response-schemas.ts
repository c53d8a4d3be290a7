import { list, mapOf, nullable, open, ref, type JsonSchema } from './json-schema.js';

const str: JsonSchema = { type: 'string' };
const int: JsonSchema = { type: 'integer' };
const num: JsonSchema = { type: 'number' };
const bool: JsonSchema = { type: 'boolean' };
const any: JsonSchema = {};
const words = mapOf(str, '.*', 1000);
const amounts = mapOf(num, '.*', 1000);
const instant: JsonSchema = { type: 'string', format: 'date-time' };
const id: JsonSchema = {
  type: 'string',
  pattern: '^[1-9][0-9]{0,18}$',
  description: '63-bit positive integer as a decimal string.',
};
const status: JsonSchema = { type: 'string', enum: ['waiting', 'in_progress', 'done', 'failed'] };
const optional = (schema: JsonSchema, optionalNames: readonly string[]): JsonSchema => ({
  ...schema,
  required: (schema['required'] as string[]).filter((name) => !optionalNames.includes(name)),
});
const page = (item: string): JsonSchema => open({ items: list(ref(item)), nextCursor: nullable(str) });

const fieldError = open({ path: str, message: str });
const problem = optional(
  open({
    type: str,
    title: str,
    status: int,
    code: str,
    detail: str,
    traceId: str,
    errors: list(fieldError),
    retryAfter: num,
  }),
  ['errors', 'retryAfter'],
);

const attempt = open({
  attempt: int,
  worker: str,
  fence: int,
  outcome: nullable(str),
  exitCode: nullable(int),
  startedAt: instant,
  endedAt: nullable(instant),
  error: nullable(str),
  progress: nullable(num),
});

const task = open({
  id,
  name: str,
  key: nullable(str),
  tenant: str,
  userId: int,
  workflow: nullable(id),
  state: str,
  status,
  spec: optional(
    open({
      run: { type: 'object' },
      resources: amounts,
      queue: str,
      priority: int,
      strategy: nullable(str),
      delayTolerance: nullable(str),
      executionCap: str,
      leaseTtl: str,
      totalAttempts: int,
      idempotent: bool,
      schedulingType: str,
      at: nullable(instant),
    }),
    ['leaseTtl'],
  ),
  labels: words,
  dependsOn: list(id),
  attemptsMade: { ...int, description: 'Attempts begun.' },
  attempts: { ...list(ref('Attempt')), description: 'Empty in lists.' },
  waitReason: nullable(str),
  result: any,
  error: nullable(str),
  category: nullable(str),
  admittedBy: open({ node: str, epoch: int }),
  submittedAt: instant,
  startedAt: nullable(instant),
  endedAt: nullable(instant),
});

const workflow = open({
  id,
  name: str,
  tenant: str,
  userId: int,
  state: { type: 'string', enum: ['running', 'succeeded', 'failed', 'cancelled'] },
  status,
  labels: words,
  counts: amounts,
  submittedAt: instant,
  endedAt: nullable(instant),
  tasks: list(open({ id, key: str, name: str, state: str, status, rank: int, dependsOn: list(id) })),
});

const content = open({ rows: nullable(int), hash: str });
const verification = open({
  state: { type: 'string', enum: ['running', 'done', 'failed'] },
  equal: nullable(bool),
  events: int,
  seconds: num,
  parts: list(open({ name: str, equal: bool, stored: content, rebuilt: content })),
  error: nullable(str),
});

export const responseSchemas: Readonly<Record<string, JsonSchema>> = {
  Problem: problem,
  Attempt: attempt,
  Task: task,
  TaskPage: page('Task'),
  Attempts: open({ items: list(ref('Attempt')) }),
  SubmitTaskAnswer: open({ id, state: str, position: str }),
  SubmitTasksAnswer: open({
    items: list({ anyOf: [open({ id, state: str }), open({ error: ref('Problem') })] }),
    position: str,
  }),
  Maintenance: open({ forMs: int, workers: int, leases: int }),
  CancelAnswer: open({ id, state: str, status }),
  Result: open({ id, state: str, status, result: any, error: nullable(str), endedAt: nullable(instant) }),
  Why: open({
    id,
    state: str,
    status,
    reason: nullable(str),
    detail: nullable(str),
    parts: list(open({ from: str, reason: str, detail: str })),
  }),
  Event: optional(
    open({
      type: str,
      time: instant,
      task: id,
      workflow: id,
      name: str,
      state: str,
      status,
      attempt: int,
      worker: str,
      result: any,
      error: nullable(str),
    }),
    ['task', 'workflow', 'name', 'state', 'status', 'attempt', 'worker', 'result', 'error'],
  ),
  TaskEvents: open({ items: list(ref('Event')) }),
  Workflow: workflow,
  WorkflowSummary: open({
    id,
    name: str,
    tenant: str,
    userId: int,
    state: str,
    status,
    count: int,
    submittedAt: instant,
    endedAt: nullable(instant),
  }),
  WorkflowPage: page('WorkflowSummary'),
  SubmitWorkflowAnswer: open({ id, state: str, tasks: mapOf(id, '.*', 100_000), position: str }),
  Graph: open({
    tasks: list(
      open({ id, key: nullable(str), name: str, state: str, status, rank: int, workflow: nullable(id) }),
    ),
    edges: list(open({ from: id, to: id, kind: str })),
  }),
  Worker: open({
    id: str,
    name: str,
    kind: str,
    tenant: nullable(str),
    state: str,
    capacity: amounts,
    used: amounts,
    handlers: list(str),
    labels: words,
    leases: int,
    lastHeartbeatMsAgo: nullable(int),
    gateway: str,
  }),
  WorkerPage: page('Worker'),
  Capacity: open({
    total: amounts,
    used: amounts,
    workers: amounts,
    waiting: list(open({ runtime: str, count: int, oldestAgeMs: num })),
  }),
  Queue: open({
    name: str,
    paused: bool,
    visible: int,
    leased: int,
    backingOff: int,
    ready: int,
    leaseTtlMs: int,
  }),
  QueuePage: page('Queue'),
  Alert: open({
    id: str,
    kind: str,
    subject: str,
    message: str,
    action: str,
    raisedAt: instant,
    clearedAt: nullable(instant),
  }),
  AlertPage: page('Alert'),
  DeadLetter: open({
    at: { ...instant, description: 'When it was set aside.' },
    node: str,
    where: { ...str, description: 'The label of `yard_bad_messages_total`.' },
    subject: str,
    reason: str,
    bytes: int,
    head: { ...str, description: 'Its first bytes, base64.' },
  }),
  DeadLetterPage: page('DeadLetter'),
  Cluster: open({
    installation: str,
    partitions: int,
    level: int,
    nodes: list({ type: 'object' }),
    roles: list({ type: 'object' }),
    projectionLag: amounts,
  }),
  Verification: verification,
  ViewsVerification: open({
    run: str,
    state: { type: 'string', enum: ['running', 'done', 'failed'] },
    equal: nullable(bool),
    relational: nullable(ref('Verification')),
    graph: nullable(ref('Verification')),
    archive: nullable(ref('Verification')),
  }),
  ViewsRebuild: open({ rebuilding: list(str) }),
  Tenant: open({ id: str, number: int, subscription: str, trusted: bool }),
  TenantPage: page('Tenant'),
  Key: open({ keyId: str, key: { ...str, description: 'Shown this once.' } }),
  Subscription: open({
    name: str,
    tasksPerHour: nullable(int),
    burstPerSecond: nullable(int),
    maxWaiting: nullable(int),
    weight: num,
  }),
  Script: open({ path: str, sha256: str, bytes: int }),
  Stored: open({ sha256: str }),
  LogLength: open({ length: int }),
  Ok: open({ ok: bool }),
  Ready: optional(open({ ready: bool, waitingFor: list(str) }), ['waitingFor']),
};
