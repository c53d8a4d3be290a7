import type { TaskId, WorkerId } from '@yardmaster/kernel';
import type { DrainEnd, Outcome, QueuedTask, Usage } from '@yardmaster/domain';
import { Column, openColumn, valueAt } from './columns.js';
import { type EventCodec, type EventOf, list, num, orNull, str } from './codec.js';
import { packSpec, packSpecFields, unpackSpec } from './task-codecs.js';

export const classDefined: EventCodec<EventOf<'ClassDefined'>> = {
  type: 'ClassDefined',
  code: 30,
  version: 2,
  // Version 2 adds the lease time, at the end of the spec.
  upcasters: { 1: (fields) => fields },
  earlier: { 1: { write: (e) => [e.n, packSpecFields(e.spec)] } },
  write: (e) => [e.n, packSpec(e.spec)],
  read: (f) => ({ type: 'ClassDefined', n: num(f[0]), spec: unpackSpec(f[1] as unknown[]) }),
};

export const batchQueued: EventCodec<EventOf<'BatchQueued'>> = {
  type: 'BatchQueued',
  code: 31,
  version: 2,
  // Version 1 had one flat list, five values a task.
  upcasters: { 1: ([batch, epoch, flat]) => [batch, epoch, ...columnsOf(flat as unknown[])] },
  earlier: {
    1: {
      write: (e) => [
        e.batch,
        e.batcherEpoch,
        e.tasks.flatMap((t) => [t.id, t.p, t.tenant, t.cls, t.eligibleAt]),
      ],
    },
  },
  write: (e) => {
    const columns = [new Column(), new Column(), new Column(), new Column(), new Column()] as const;
    for (const t of e.tasks) {
      columns[0].add(t.id);
      columns[1].add(t.p);
      columns[2].add(t.tenant);
      columns[3].add(t.cls);
      columns[4].add(t.eligibleAt);
    }
    return [e.batch, e.batcherEpoch, e.tasks.length, ...columns.map(({ packed }) => packed)];
  },
  read: (f) => {
    const rows = num(f[2]);
    const [ids, partitions, tenants, classes, times] = f.slice(3).map((column) => openColumn(column, rows));
    const tasks = Array.from({ length: rows }, (_, i): QueuedTask => ({
      id: valueAt(ids, i) as TaskId,
      p: num(valueAt(partitions, i)),
      tenant: num(valueAt(tenants, i)),
      cls: num(valueAt(classes, i)),
      eligibleAt: num(valueAt(times, i)),
    }));
    return { type: 'BatchQueued', batch: num(f[0]), batcherEpoch: num(f[1]), tasks };
  },
};

/** `[rows, ...columns]` of rows of five values in one flat list. */
function columnsOf(flat: readonly unknown[]): unknown[] {
  const columns: unknown[][] = [[], [], [], [], []];
  for (const [i, value] of flat.entries()) columns[i % 5]!.push(value);
  return [flat.length / 5, ...columns];
}

const writeBackedOff = (e: EventOf<'TaskBackedOff'>): unknown[] => [
  e.id,
  e.p,
  e.attempt,
  e.category,
  e.until,
];

export const taskBackedOff: EventCodec<EventOf<'TaskBackedOff'>> = {
  type: 'TaskBackedOff',
  code: 32,
  version: 2,
  // Version 2 adds `alone`, at the end.
  upcasters: { 1: (fields) => fields },
  earlier: { 1: { write: writeBackedOff } },
  write: (e) => (e.alone === undefined ? writeBackedOff(e) : [...writeBackedOff(e), e.alone]),
  read: (f) => ({
    type: 'TaskBackedOff',
    id: f[0] as TaskId,
    p: num(f[1]),
    attempt: num(f[2]),
    category: f[3] as Outcome,
    until: num(f[4]),
    ...(f[5] === true ? { alone: true } : {}),
  }),
};

export const tasksVisible: EventCodec<EventOf<'TasksVisible'>> = {
  type: 'TasksVisible',
  code: 33,
  version: 1,
  write: (e) => [e.ids],
  read: (f) => ({ type: 'TasksVisible', ids: list(f[0]) }),
};

const writeGivenUp = (e: EventOf<'TaskGivenUp'>): unknown[] => [e.id, e.p, e.attempt, e.category];

export const taskGivenUp: EventCodec<EventOf<'TaskGivenUp'>> = {
  type: 'TaskGivenUp',
  code: 34,
  version: 2,
  // Version 2 adds `dead`, at the end.
  upcasters: { 1: (fields) => fields },
  earlier: { 1: { write: writeGivenUp } },
  write: (e) => (e.dead === undefined ? writeGivenUp(e) : [...writeGivenUp(e), e.dead]),
  read: (f) => ({
    type: 'TaskGivenUp',
    id: f[0] as TaskId,
    p: num(f[1]),
    attempt: num(f[2]),
    category: f[3] as Outcome,
    ...(f[4] === true ? { dead: true } : {}),
  }),
};

export const tasksRemoved: EventCodec<EventOf<'TasksRemoved'>> = {
  type: 'TasksRemoved',
  code: 35,
  version: 1,
  write: (e) => [e.ids, e.why],
  read: (f) => ({ type: 'TasksRemoved', ids: list(f[0]), why: f[1] as EventOf<'TasksRemoved'>['why'] }),
};

export const queuePaused: EventCodec<EventOf<'QueuePaused'>> = {
  type: 'QueuePaused',
  code: 36,
  version: 1,
  write: (e) => [e.queue, e.paused],
  read: (f) => ({ type: 'QueuePaused', queue: str(f[0]), paused: f[1] as boolean }),
};

export const queueLeaseTtlSet: EventCodec<EventOf<'QueueLeaseTtlSet'>> = {
  type: 'QueueLeaseTtlSet',
  code: 37,
  version: 1,
  write: (e) => [e.queue, e.ttlMs],
  read: (f) => ({ type: 'QueueLeaseTtlSet', queue: str(f[0]), ttlMs: orNull(f[1]) }),
};

export const workerJoined: EventCodec<EventOf<'WorkerJoined'>> = {
  type: 'WorkerJoined',
  code: 50,
  version: 1,
  write: (e) => [
    e.worker,
    e.incarnation,
    e.kind,
    e.name,
    e.tenant,
    e.capacity,
    e.handlers,
    e.labels,
    e.gateway,
  ],
  read: (f) => ({
    type: 'WorkerJoined',
    worker: f[0] as WorkerId,
    incarnation: str(f[1]),
    kind: f[2] as 'agent' | 'sdk',
    name: str(f[3]),
    tenant: orNull(f[4]),
    capacity: f[5] as Record<string, number>,
    handlers: list(f[6]),
    labels: f[7] as Record<string, string>,
    gateway: str(f[8]),
  }),
};

export const workerCordoned: EventCodec<EventOf<'WorkerCordoned'>> = {
  type: 'WorkerCordoned',
  code: 51,
  version: 1,
  write: (e) => [e.worker, e.cordoned],
  read: (f) => ({ type: 'WorkerCordoned', worker: f[0] as WorkerId, cordoned: f[1] as boolean }),
};

export const workerGone: EventCodec<EventOf<'WorkerGone'>> = {
  type: 'WorkerGone',
  code: 52,
  version: 1,
  write: (e) => [e.worker, e.why],
  read: (f) => ({ type: 'WorkerGone', worker: f[0] as WorkerId, why: f[1] as 'lost' | 'left' | 'replaced' }),
};

function writeGranted(e: EventOf<'LeaseGranted'>): unknown[] {
  return [e.task, e.p, e.tenant, e.cls, e.attempt, e.fence, e.worker, e.capMs];
}

export const leaseGranted: EventCodec<EventOf<'LeaseGranted'>> = {
  type: 'LeaseGranted',
  code: 53,
  version: 2,
  // Version 2 adds the lease's time at the end, where it is not the default.
  upcasters: { 1: (fields) => fields },
  earlier: { 1: { write: writeGranted } },
  write: (e) => {
    const fields = writeGranted(e);
    if (e.ttlMs !== undefined) fields.push(e.ttlMs);
    return fields;
  },
  read: (f) => ({
    type: 'LeaseGranted',
    task: f[0] as TaskId,
    p: num(f[1]),
    tenant: num(f[2]),
    cls: num(f[3]),
    attempt: num(f[4]),
    fence: num(f[5]),
    worker: f[6] as WorkerId,
    capMs: num(f[7]),
    ...(f[8] == null ? {} : { ttlMs: num(f[8]) }),
  }),
};

export const workerDraining: EventCodec<EventOf<'WorkerDraining'>> = {
  type: 'WorkerDraining',
  code: 56,
  version: 1,
  write: (e) => [e.worker, e.forMs, e.onDeadline],
  read: (f) => ({
    type: 'WorkerDraining',
    worker: f[0] as WorkerId,
    forMs: num(f[1]),
    onDeadline: f[2] as DrainEnd,
  }),
};

export const leasesExtended: EventCodec<EventOf<'LeasesExtended'>> = {
  type: 'LeasesExtended',
  code: 55,
  version: 1,
  write: (e) => [e.forMs],
  read: (f) => ({ type: 'LeasesExtended', forMs: num(f[0]) }),
};

const usageOf = (value: unknown): Usage | null => {
  if (value === null || value === undefined) return null;
  const u = value as readonly unknown[];
  return { wallMs: num(u[0]), cpuMs: orNull(u[1]), maxRssBytes: orNull(u[2]) };
};

export const leaseEnded: EventCodec<EventOf<'LeaseEnded'>> = {
  type: 'LeaseEnded',
  code: 54,
  version: 2,
  // Version 2 adds `retryAfterMs` and a checkpoint, both at the end.
  upcasters: { 1: (fields) => fields },
  write: (e) => {
    const head: unknown[] = [e.task, e.p, e.tenant, e.attempt, e.fence, e.worker, e.outcome];
    if (e.exitCode === null && e.usage === null && e.retryAfterMs === undefined) return head;
    head.push(e.exitCode, e.usage && [e.usage.wallMs, e.usage.cpuMs, e.usage.maxRssBytes]);
    if (e.retryAfterMs !== undefined) head.push(e.retryAfterMs);
    return head;
  },
  read: (f, sealed) => {
    const s = sealed as readonly unknown[] | null;
    return {
      type: 'LeaseEnded',
      task: f[0] as TaskId,
      p: num(f[1]),
      tenant: num(f[2]),
      attempt: num(f[3]),
      fence: num(f[4]),
      worker: f[5] as WorkerId,
      outcome: f[6] as Outcome,
      exitCode: orNull(f[7]),
      usage: usageOf(f[8]),
      ...(f[9] == null ? {} : { retryAfterMs: num(f[9]) }),
      sealed:
        s === null
          ? null
          : {
              result: s[0],
              ...(s[1] == null ? {} : { error: str(s[1]) }),
              ...(s[2] === undefined ? {} : { checkpoint: s[2] }),
            },
    };
  },
  seal: (e) => {
    if (e.sealed === null) return undefined;
    const { result = null, error = null, checkpoint } = e.sealed;
    return checkpoint === undefined ? [result, error] : [result, error, checkpoint];
  },
  tenantOf: (e) => e.tenant,
};
