import type { DomainEvent, EventType, Outcome, SchedulingSpec, TaskContent } from '@yardmaster/domain';
import { asTaskId, asWorkerId, asWorkflowId } from '@yardmaster/kernel';
import fc from 'fast-check';

/** Any event of each type, as a writer may decide it. */

const OUTCOMES: readonly Outcome[] = [
  'ok',
  'app',
  'permanent',
  'over-memory',
  'over-disk',
  'over-cap',
  'lost',
  'preempted',
  'drained',
  'snoozed',
  'cancelled',
  'superseded',
  'withdrawn',
  'void',
  'gang-broken',
  'infra',
];
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const name = fc.string({ minLength: 1, maxLength: 12 }).filter((s) => s !== '__proto__');
const nullable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
const records = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> =>
  fc.array(fc.tuple(name, value), { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs));
const taskId = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map((n) => asTaskId(String(n)));
const workflowId = taskId.map((id) => asWorkflowId(id));
const workerId = name.map(asWorkerId);
const taskIds = fc.array(taskId, { maxLength: 5 });
const count = fc.nat(1_000_000);
const amount = fc.nat(2 ** 31 - 1).map((n) => n * 1024);
const time = fc.integer({ min: 1_700_000_000_000, max: 4_000_000_000_000 });
const fence = fc.nat(1_000_000).chain((epoch) => fc.nat(1_000_000).map((n) => epoch * 0x1_0000_0000 + n));
const outcome = fc.constantFrom(...OUTCOMES);
const json = fc
  .jsonValue({ maxDepth: 3 })
  .map(
    (value) =>
      JSON.parse(JSON.stringify(value), (key, v: unknown) =>
        key === '__proto__' ? undefined : v,
      ) as unknown,
  );
const someJson = json.filter((value) => value !== null);
const claim = nullable(fc.record({ key: name, body: name }));

const specFields = {
  kind: fc.constantFrom('script', 'command', 'handler'),
  handler: nullable(name),
  resources: records(amount),
  queue: name,
  classRank: fc.nat(4),
  priority: fc.nat(1_000),
  strategy: nullable(fc.constantFrom('bin-pack', 'spread', 'least-loaded', 'round-robin')),
  delayToleranceMs: nullable(count),
  capMs: amount,
  retry: fc.record({
    maxAttempts: count,
    lostBudget: count,
    initialBackoffMs: count,
    maxBackoffMs: count,
    on: nullable(fc.array(outcome, { maxLength: 3 })),
  }),
  idempotent: fc.boolean(),
  require: records(text),
};
export const spec: fc.Arbitrary<SchedulingSpec> = fc.oneof(
  fc.record(specFields),
  fc.record({ ...specFields, leaseTtlMs: count }),
);
const content: fc.Arbitrary<TaskContent> = fc.record({
  name: text,
  key: nullable(name),
  labels: nullable(records(text)),
  run: fc.record({
    script: nullable(text),
    scriptHash: nullable(text),
    command: nullable(fc.array(text, { maxLength: 3 })),
    args: nullable(fc.array(text, { maxLength: 3 })),
    env: nullable(records(text)),
    input: json,
  }),
});
const about = {
  task: taskId,
  p: fc.nat(63),
  tenant: count,
  attempt: fc.integer({ min: 1, max: 99 }),
  fence,
  worker: workerId,
};
const sealedEnd = nullable(
  fc.oneof(
    fc.record({ result: someJson }),
    fc.record({ result: json, error: text }),
    fc.record({ result: json, error: text, checkpoint: someJson }),
  ),
);
const givenUp = { id: taskId, p: fc.nat(63), attempt: count, category: outcome };
const backedOff = { ...givenUp, until: time };
const failed = {
  id: taskId,
  tenant: count,
  attempt: count,
  category: outcome,
  upstreamFailed: taskIds,
  sealed: nullable(fc.record({ error: text })),
};
const loneTask = { workflow: fc.constant(null), index: fc.constant(-1), parents: fc.constant([]) };

type Fields<T extends EventType> = {
  readonly [K in keyof Omit<Extract<DomainEvent, { type: T }>, 'type'>]: fc.Arbitrary<
    Extract<DomainEvent, { type: T }>[K]
  >;
};
const event = <T extends EventType>(type: T, fields: Fields<T>): fc.Arbitrary<DomainEvent> =>
  fc
    .record(fields as unknown as Record<string, fc.Arbitrary<unknown>>)
    .map((f) => ({ type, ...f }) as unknown as DomainEvent);

export const EVENTS: Readonly<Record<EventType, fc.Arbitrary<DomainEvent>>> = {
  OwnerTookOver: event('OwnerTookOver', { role: name, epoch: count, node: name }),
  SegmentArchived: event('SegmentArchived', { last: count, lastHash: name, sha256: name }),
  SpecDefined: event('SpecDefined', { n: count, spec }),
  WorkflowSubmitted: event('WorkflowSubmitted', {
    id: workflowId,
    tenant: count,
    user: count,
    count,
    claim,
    sealed: fc.record({ name: text, labels: nullable(records(text)) }),
  }),
  TaskSubmitted: fc.oneof(
    event('TaskSubmitted', {
      id: taskId,
      tenant: count,
      user: count,
      spec: count,
      ...loneTask,
      rank: fc.constant(0),
      needs: fc.constant([]),
      open: fc.constant(0),
      dueAt: nullable(time),
      claim,
      sealed: content,
    }),
    event('TaskSubmitted', {
      id: taskId,
      tenant: count,
      user: count,
      spec: count,
      ...loneTask,
      rank: count,
      needs: fc.array(taskId, { minLength: 1, maxLength: 3 }),
      open: fc.nat(3),
      dueAt: nullable(time),
      claim,
      sealed: content,
    }),
    event('TaskSubmitted', {
      id: taskId,
      tenant: count,
      user: count,
      spec: count,
      workflow: workflowId,
      index: count,
      rank: count,
      parents: fc.array(count, { maxLength: 4 }),
      needs: fc.constant([]),
      open: fc.nat(4),
      dueAt: nullable(time),
      claim: fc.constant(null),
      sealed: content,
    }),
  ),
  TasksDue: event('TasksDue', { ids: taskIds }),
  CancelRequested: event('CancelRequested', { id: taskId, user: count }),
  TaskSucceeded: event('TaskSucceeded', {
    id: taskId,
    tenant: count,
    attempt: count,
    released: taskIds,
    sealed: nullable(fc.record({ result: someJson })),
  }),
  TaskFailed: fc.oneof(
    event('TaskFailed', failed),
    event('TaskFailed', { ...failed, dead: fc.constant(true) }),
  ),
  TaskCancelled: event('TaskCancelled', { id: taskId, tenant: count, upstreamFailed: taskIds }),
  WorkflowEnded: event('WorkflowEnded', {
    id: workflowId,
    tenant: count,
    state: fc.constantFrom('succeeded', 'failed', 'cancelled'),
  }),
  ClassDefined: event('ClassDefined', { n: count, spec }),
  BatchQueued: event('BatchQueued', {
    batch: count,
    batcherEpoch: count,
    tasks: fc.array(fc.record({ id: taskId, p: fc.nat(63), tenant: count, cls: count, eligibleAt: time }), {
      maxLength: 4,
    }),
  }),
  TaskBackedOff: fc.oneof(
    event('TaskBackedOff', backedOff),
    event('TaskBackedOff', { ...backedOff, alone: fc.constant(true) }),
  ),
  TasksVisible: event('TasksVisible', { ids: taskIds }),
  TaskGivenUp: fc.oneof(
    event('TaskGivenUp', givenUp),
    event('TaskGivenUp', { ...givenUp, dead: fc.constant(true) }),
  ),
  TasksRemoved: event('TasksRemoved', {
    ids: taskIds,
    why: fc.constantFrom('void', 'cancelled', 'withdrawn'),
  }),
  QueuePaused: event('QueuePaused', { queue: name, paused: fc.boolean() }),
  QueueLeaseTtlSet: event('QueueLeaseTtlSet', { queue: name, ttlMs: nullable(count) }),
  WorkerJoined: event('WorkerJoined', {
    worker: workerId,
    incarnation: name,
    kind: fc.constantFrom('agent', 'sdk'),
    name: text,
    tenant: nullable(count),
    capacity: records(amount),
    handlers: fc.array(name, { maxLength: 3 }),
    labels: records(text),
    gateway: name,
  }),
  WorkerCordoned: event('WorkerCordoned', { worker: workerId, cordoned: fc.boolean() }),
  WorkerGone: event('WorkerGone', { worker: workerId, why: fc.constantFrom('lost', 'left', 'replaced') }),
  LeaseGranted: fc.oneof(
    event('LeaseGranted', { ...about, cls: count, capMs: amount }),
    event('LeaseGranted', { ...about, cls: count, capMs: amount, ttlMs: count }),
  ),
  WorkerDraining: event('WorkerDraining', {
    worker: workerId,
    forMs: amount,
    onDeadline: fc.constantFrom('wait', 'kill', 'checkpoint'),
  }),
  LeasesExtended: event('LeasesExtended', { forMs: amount }),
  LeaseEnded: event('LeaseEnded', {
    ...about,
    outcome,
    exitCode: nullable(fc.nat(255)),
    usage: nullable(fc.record({ wallMs: count, cpuMs: nullable(count), maxRssBytes: nullable(amount) })),
    sealed: sealedEnd,
  }),
  ClusterFounded: event('ClusterFounded', { installation: name, partitions: fc.nat(64) }),
  NodeJoined: event('NodeJoined', {
    node: name,
    incarnation: name,
    service: name,
    level: fc.nat(9),
    offers: fc.array(name, { maxLength: 9 }),
  }),
  NodeLeft: event('NodeLeft', { node: name, incarnation: name, why: fc.constantFrom('silent', 'stopped') }),
  RoleAssigned: event('RoleAssigned', { role: name, node: name, epoch: count }),
  RoleWithdrawn: event('RoleWithdrawn', { role: name, node: name, epoch: count }),
  FeatureLevelRaised: event('FeatureLevelRaised', { level: fc.nat(9) }),
  TenantCreated: event('TenantCreated', {
    n: count,
    tenant: name,
    trusted: fc.boolean(),
    subscription: name,
  }),
  SubscriptionDefined: event('SubscriptionDefined', {
    subscription: fc.record({
      name,
      tasksPerHour: nullable(count),
      burstPerSecond: nullable(count),
      maxWaiting: nullable(count),
      weight: fc.nat(10),
    }),
  }),
  KeyCreated: event('KeyCreated', {
    keyId: name,
    hash: name,
    tenant: count,
    user: count,
    role: fc.constantFrom('viewer', 'submitter', 'tenant-admin', 'operator', 'agent'),
    name: text,
  }),
  KeyRevoked: event('KeyRevoked', { keyId: name }),
  TokensGranted: event('TokensGranted', { tenant: count, block: count, count, gateway: name }),
  TokensReturned: event('TokensReturned', { tenant: count, block: count, count }),
  GeneratorLeased: event('GeneratorLeased', {
    partition: fc.nat(63),
    generator: fc.nat(15),
    holder: name,
    fromMs: time,
    untilMs: time,
  }),
  AlertRaised: event('AlertRaised', {
    id: name,
    kind: fc.constantFrom(
      'worker-unhealthy',
      'resource-manager-unhealthy',
      'service-unhealthy',
      'capacity-idle',
      'no-worker-fits',
      'projection-behind',
      'task-stuck',
    ),
    subject: name,
    message: text,
    action: text,
  }),
  AlertCleared: event('AlertCleared', { id: name }),
};

export const anyEvent: fc.Arbitrary<DomainEvent> = fc.oneof(...Object.values(EVENTS));
