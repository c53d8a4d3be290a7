import { ENV_NAME, MAP_KEY, TASK_KEY, closed, list, mapOf, text, type JsonSchema } from './json-schema.js';

/** Sizes of the public interface, in bytes unless said otherwise. */
export const LIMITS = {
  taskBytes: 256 * 1024,
  bulkBytes: 16 * 1024 * 1024,
  workflowBytes: 64 * 1024 * 1024,
  scriptBytes: 16 * 1024 * 1024,
  blobBytes: 64 * 1024 * 1024,
  logChunkBytes: 4 * 1024 * 1024,
  smallBytes: 64 * 1024,
  bulkTasks: 10_000,
  workflowTasks: 100_000,
  workflowEdges: 1_000_000,
  /** Levels of nesting inside `run.input`. */
  inputDepth: 64,
  /** Most a long poll waits, ms. */
  waitMs: 60_000,
  pageItems: 1_000,
} as const;

const duration = text(40, { description: 'A duration: `90s`, `5m`, `1h30m`, `PT5M`.', examples: ['5m'] });
const labels = {
  ...mapOf({ type: 'string', maxLength: 256 }, MAP_KEY, 64),
  description: 'Free words to filter by.',
};
const amount = { type: ['string', 'number'], description: '`"500m"`, `"4G"`, `"512Mi"`, `2`' } as const;

export const runRequest = closed(
  {
    script: text(1024, {
      description: "Path under the tenant's script root, or `sha256:<hex>` of an uploaded script.",
    }),
    command: list(
      { type: 'string', maxLength: 131_072 },
      { minItems: 1, maxItems: 4096, description: 'Program and arguments; no shell reads them.' },
    ),
    handler: text(200, {
      pattern: '^[A-Za-z0-9_][A-Za-z0-9_.:/-]*$',
      description: 'Name of a function in an SDK worker.',
    }),
    args: list({ type: 'string', maxLength: 131_072 }, { maxItems: 4096 }),
    env: mapOf({ type: 'string', maxLength: 131_072 }, ENV_NAME, 1000),
    input: { description: 'Any JSON: the file $YARD_INPUT, or the argument of the handler.' },
  },
  {
    oneOf: [{ required: ['script'] }, { required: ['command'] }, { required: ['handler'] }],
    description: '`run` takes exactly one of `script`, `command` and `handler`',
  },
);

const empty = { type: 'object', maxProperties: 0 } as const;

export const taskProperties: Readonly<Record<string, JsonSchema>> = {
  type: { type: 'string', enum: ['job'] },
  name: text(200),
  run: runRequest,
  resources: {
    anyOf: [text(40), { ...mapOf(amount, MAP_KEY, 32) }],
    description: 'A tier (`basic`, `regular`, `premium`) or a vector such as `{cpu: "2", memory: "4G"}`',
  },
  isolation: { type: 'string', enum: ['none'] },
  scheduling: closed({
    type: { type: 'string', enum: ['once'] },
    at: text(40, { description: 'RFC 3339 instant; before it the task is `scheduled`.' }),
    strategy: text(40, { description: '`bin-pack`, `spread`, `least-loaded` or `round-robin`.' }),
    priority: {
      type: ['string', 'integer'],
      description: '`low`, `normal`, `high` or 0-1000; higher goes sooner.',
    },
    priorityClass: text(40, { description: '`urgent`, `normal`, `batch` or `best-effort`.' }),
    queue: text(63, { pattern: '^[a-z0-9][a-z0-9-]*$' }),
    delayTolerance: duration,
    onDelay: { type: 'string', enum: ['run'] },
  }),
  executionCap: duration,
  leaseTtl: {
    ...duration,
    description:
      'How long its worker may be silent before it runs elsewhere: `30s` to `15m`; its queue says it otherwise.',
  },
  retry: closed({
    maxAttempts: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      description: 'Executions in all, the first included.',
    },
    backoff: closed({ initial: duration, max: duration }),
    on: list(text(40), { maxItems: 20 }),
    lost: {
      type: 'integer',
      minimum: 0,
      maximum: 1000,
      description: 'Times that a lost worker may cost an attempt; 0 = at most once.',
    },
  }),
  totalAttempts: {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    description: 'Short form of `retry.maxAttempts`.',
  },
  dependsOn: list(
    {
      anyOf: [
        text(200),
        closed({ task: text(200), when: { type: 'string', enum: ['afterOk'] } }, { required: ['task'] }),
      ],
      description: 'A key of this workflow, or the id of a task',
    },
    { maxItems: 100_000 },
  ),
  idempotent: { type: 'boolean' },
  labels,
  constraints: closed({
    require: mapOf({ type: 'string', maxLength: 256 }, MAP_KEY, 64),
    prefer: empty,
    avoid: empty,
    tolerate: { type: 'array', maxItems: 0 },
  }),
  checkpoint: { type: 'boolean', enum: [false] },
  notify: { type: 'array', maxItems: 0 },
};

export const taskRequest = closed(taskProperties, { required: ['run'] });

/** Each task is checked by `taskRequest` on its own, so that one fault costs one task. */
export const bulkRequest = closed(
  { tasks: list({}, { minItems: 1, maxItems: LIMITS.bulkTasks }) },
  { required: ['tasks'] },
);

export const workflowTask = closed(
  { ...taskProperties, key: text(200, { pattern: TASK_KEY }) },
  { required: ['run'] },
);

/** Each task is checked by `workflowTask` on its own. */
export const workflowRequest = closed(
  {
    name: text(200),
    tasks: {
      anyOf: [
        { type: 'object', minProperties: 1, maxProperties: LIMITS.workflowTasks },
        { type: 'array', minItems: 1, maxItems: LIMITS.workflowTasks },
      ],
      description: 'A map of key to task, or a list of tasks with a `name` each',
    },
    labels,
    failureMode: { type: 'string', enum: ['finish-independent'] },
  },
  { required: ['name', 'tasks'] },
);

export const forceEndRequest = closed(
  { reason: text(500, { minLength: 1, description: 'Why; it becomes the error of the task.' }) },
  { required: ['reason'] },
);

export const maintenanceRequest = closed(
  { for: { ...duration, description: 'How long, as in `10m`; at most 15 minutes.' } },
  { required: ['for'] },
);

export const queueRequest = closed(
  {
    leaseTtl: {
      type: ['string', 'null'],
      maxLength: 40,
      description:
        'How long a worker may be silent before tasks of this queue run elsewhere, `30s` to `15m`; null = `30s`. A task may say otherwise.',
    },
  },
  { required: ['leaseTtl'] },
);

export const drainRequest = closed(
  {
    deadline: { ...duration, description: 'How long what it runs may go on, as in `10m`.' },
    onDeadline: {
      type: 'string',
      enum: ['kill', 'checkpoint', 'wait'],
      description:
        '`kill` (default): SIGTERM, then SIGKILL, and it runs elsewhere; `checkpoint`: the same for each attempt once it has left a checkpoint; `wait`: it goes on.',
    },
  },
  { required: ['deadline'] },
);

export const tenantRequest = closed({ subscription: text(63), trusted: { type: 'boolean' } });
export const keyRequest = closed(
  {
    role: { type: 'string', enum: ['viewer', 'submitter', 'tenant-admin', 'operator', 'agent'] },
    name: text(200),
  },
  { required: ['role'] },
);
const bound = { type: ['integer', 'null'], minimum: 0 } as const;
export const subscriptionRequest = closed({
  tasksPerHour: bound,
  burstPerSecond: bound,
  maxWaiting: bound,
  weight: { type: 'number', exclusiveMinimum: 0, maximum: 1000 },
});
