import type { TaskId, WorkflowId } from '@yardmaster/kernel';
import type { Claim, Outcome, SchedulingSpec, TaskContent, WorkflowEnd } from '@yardmaster/domain';
import { type EventCodec, type EventOf, list, num, orNull, str } from './codec.js';

/** Form of a task's content in events and in commands: its name when it has nothing else, else its fields by position. */
export function packContent(c: TaskContent): string | unknown[] {
  const { run } = c;
  if (run === NOTHING_TO_RUN && c.key === null && c.labels === null) return c.name;
  const fields = packContentFields(c);
  return fields.length > 1 ? fields : c.name;
}

/** By position whatever it has: as programs of feature level 1 read it. */
export function packContentFields(c: TaskContent): unknown[] {
  const { run } = c;
  const fields: unknown[] = [
    c.name,
    c.key,
    c.labels,
    run.script,
    run.scriptHash,
    run.command,
    run.args,
    run.env,
    run.input ?? null,
  ];
  while (fields.length > 1 && fields[fields.length - 1] === null) fields.pop();
  return fields;
}

export function unpackContent(packed: string | readonly unknown[]): TaskContent {
  // A flood of tasks with nothing but a name shares one object, which nobody changes.
  if (typeof packed === 'string') return bareContent(packed);
  if (packed.length === 1) return bareContent(str(packed[0]));
  const fields = packed;
  return {
    name: str(fields[0]),
    key: orNull(fields[1]),
    labels: orNull(fields[2]),
    run: {
      script: orNull(fields[3]),
      scriptHash: orNull(fields[4]),
      command: orNull(fields[5]),
      args: orNull(fields[6]),
      env: orNull(fields[7]),
      input: fields[8] ?? null,
    },
  };
}

const NOTHING_TO_RUN: TaskContent['run'] = Object.freeze({
  script: null,
  scriptHash: null,
  command: null,
  args: null,
  env: null,
  input: null,
});
let lastBare: TaskContent = { name: '', key: null, labels: null, run: NOTHING_TO_RUN };

function bareContent(name: string): TaskContent {
  if (lastBare.name !== name) lastBare = { name, key: null, labels: null, run: NOTHING_TO_RUN };
  return lastBare;
}

/** Stands for content whose tenant was erased. */
export const ERASED: TaskContent = unpackContent('<erased>');

const claim = (value: unknown): Claim | null => {
  if (value === null || value === undefined) return null;
  const [key, body] = value as [string, string];
  return { key, body };
};

export function packSpec(s: SchedulingSpec): unknown[] {
  const fields = packSpecFields(s);
  if (s.leaseTtlMs !== undefined) fields.push(s.leaseTtlMs);
  return fields;
}

/** Without a lease time: as programs of feature level 1 read it. */
export function packSpecFields(s: SchedulingSpec): unknown[] {
  const r = s.retry;
  return [
    s.kind,
    s.handler,
    s.resources,
    s.queue,
    s.classRank,
    s.priority,
    s.strategy,
    s.delayToleranceMs,
    s.capMs,
    [r.maxAttempts, r.lostBudget, r.initialBackoffMs, r.maxBackoffMs, r.on],
    s.idempotent,
    s.require,
  ];
}

export function unpackSpec(f: readonly unknown[]): SchedulingSpec {
  const r = f[9] as readonly unknown[];
  return {
    kind: f[0] as SchedulingSpec['kind'],
    handler: orNull(f[1]),
    resources: f[2] as SchedulingSpec['resources'],
    queue: str(f[3]),
    classRank: num(f[4]),
    priority: num(f[5]),
    strategy: orNull(f[6]),
    delayToleranceMs: orNull(f[7]),
    capMs: num(f[8]),
    retry: {
      maxAttempts: num(r[0]),
      lostBudget: num(r[1]),
      initialBackoffMs: num(r[2]),
      maxBackoffMs: num(r[3]),
      on: orNull(r[4]),
    },
    idempotent: f[10] as boolean,
    require: f[11] as SchedulingSpec['require'],
    ...(f[12] == null ? {} : { leaseTtlMs: num(f[12]) }),
  };
}

export const ownerTookOver: EventCodec<EventOf<'OwnerTookOver'>> = {
  type: 'OwnerTookOver',
  code: 1,
  version: 1,
  write: (e) => [e.role, e.epoch, e.node],
  read: (f) => ({ type: 'OwnerTookOver', role: str(f[0]), epoch: num(f[1]), node: str(f[2]) }),
};

export const segmentArchived: EventCodec<EventOf<'SegmentArchived'>> = {
  type: 'SegmentArchived',
  code: 2,
  version: 1,
  write: (e) => [e.last, e.lastHash, e.sha256],
  read: (f) => ({ type: 'SegmentArchived', last: num(f[0]), lastHash: str(f[1]), sha256: str(f[2]) }),
};

export const specDefined: EventCodec<EventOf<'SpecDefined'>> = {
  type: 'SpecDefined',
  code: 10,
  version: 2,
  // Version 2 adds the lease time, at the end of the spec.
  upcasters: { 1: (fields) => fields },
  earlier: { 1: { write: (e) => [e.n, packSpecFields(e.spec)] } },
  write: (e) => [e.n, packSpec(e.spec)],
  read: (f) => ({ type: 'SpecDefined', n: num(f[0]), spec: unpackSpec(f[1] as unknown[]) }),
};

export const workflowSubmitted: EventCodec<EventOf<'WorkflowSubmitted'>> = {
  type: 'WorkflowSubmitted',
  code: 11,
  version: 1,
  write: (e) => [e.id, e.tenant, e.user, e.count, e.claim && [e.claim.key, e.claim.body]],
  read: (f, sealed) => ({
    type: 'WorkflowSubmitted',
    id: f[0] as WorkflowId,
    tenant: num(f[1]),
    user: num(f[2]),
    count: num(f[3]),
    claim: claim(f[4]),
    sealed:
      sealed === null
        ? { name: ERASED.name, labels: null }
        : { name: str((sealed as unknown[])[0]), labels: orNull((sealed as unknown[])[1]) },
  }),
  seal: (e) => [e.sealed.name, e.sealed.labels],
  tenantOf: (e) => e.tenant,
};

function writeSubmitted(e: EventOf<'TaskSubmitted'>): unknown[] {
  const head: unknown[] = [e.id, e.tenant, e.user, e.spec];
  if (e.workflow === null && e.needs.length === 0 && e.dueAt === null && e.claim === null) return head;
  head.push(
    e.workflow,
    e.index,
    e.rank,
    e.parents,
    e.needs,
    e.open,
    e.dueAt,
    e.claim && [e.claim.key, e.claim.body],
  );
  return head;
}

export const taskSubmitted: EventCodec<EventOf<'TaskSubmitted'>> = {
  type: 'TaskSubmitted',
  code: 12,
  version: 2,
  // Version 2 has the name alone for content that is nothing else; version 1 had it in a list.
  upcasters: { 1: (fields) => fields },
  earlier: { 1: { write: writeSubmitted, seal: (e) => packContentFields(e.sealed) } },
  write: writeSubmitted,
  read: (f, sealed) => ({
    type: 'TaskSubmitted',
    id: f[0] as TaskId,
    tenant: num(f[1]),
    user: num(f[2]),
    spec: num(f[3]),
    workflow: orNull(f[4]),
    index: (f[5] ?? -1) as number,
    rank: (f[6] ?? 0) as number,
    parents: list(f[7]),
    needs: list(f[8]),
    open: (f[9] ?? 0) as number,
    dueAt: orNull(f[10]),
    claim: claim(f[11]),
    sealed: sealed === null ? ERASED : unpackContent(sealed as string | unknown[]),
  }),
  seal: (e) => packContent(e.sealed),
  tenantOf: (e) => e.tenant,
};

export const tasksDue: EventCodec<EventOf<'TasksDue'>> = {
  type: 'TasksDue',
  code: 13,
  version: 1,
  write: (e) => [e.ids],
  read: (f) => ({ type: 'TasksDue', ids: list(f[0]) }),
};

export const cancelRequested: EventCodec<EventOf<'CancelRequested'>> = {
  type: 'CancelRequested',
  code: 14,
  version: 1,
  write: (e) => [e.id, e.user],
  read: (f) => ({ type: 'CancelRequested', id: f[0] as TaskId, user: num(f[1]) }),
};

export const taskSucceeded: EventCodec<EventOf<'TaskSucceeded'>> = {
  type: 'TaskSucceeded',
  code: 15,
  version: 1,
  write: (e) =>
    e.released.length === 0 ? [e.id, e.tenant, e.attempt] : [e.id, e.tenant, e.attempt, e.released],
  read: (f, sealed) => ({
    type: 'TaskSucceeded',
    id: f[0] as TaskId,
    tenant: num(f[1]),
    attempt: num(f[2]),
    released: list(f[3]),
    sealed: sealed === null ? null : { result: sealed },
  }),
  seal: (e) => e.sealed?.result ?? undefined,
  tenantOf: (e) => e.tenant,
};

const writeFailed = (e: EventOf<'TaskFailed'>): unknown[] => [
  e.id,
  e.tenant,
  e.attempt,
  e.category,
  e.upstreamFailed,
];

export const taskFailed: EventCodec<EventOf<'TaskFailed'>> = {
  type: 'TaskFailed',
  code: 16,
  version: 2,
  // Version 2 adds `dead`, at the end.
  upcasters: { 1: (fields) => fields },
  earlier: { 1: { write: writeFailed } },
  write: (e) => (e.dead === undefined ? writeFailed(e) : [...writeFailed(e), e.dead]),
  read: (f, sealed) => ({
    type: 'TaskFailed',
    id: f[0] as TaskId,
    tenant: num(f[1]),
    attempt: num(f[2]),
    category: f[3] as Outcome,
    upstreamFailed: list(f[4]),
    ...(f[5] === true ? { dead: true } : {}),
    sealed: sealed === null ? null : { error: str(sealed) },
  }),
  seal: (e) => e.sealed?.error,
  tenantOf: (e) => e.tenant,
};

export const taskCancelled: EventCodec<EventOf<'TaskCancelled'>> = {
  type: 'TaskCancelled',
  code: 17,
  version: 1,
  write: (e) => [e.id, e.tenant, e.upstreamFailed],
  read: (f) => ({ type: 'TaskCancelled', id: f[0] as TaskId, tenant: num(f[1]), upstreamFailed: list(f[2]) }),
};

export const workflowEnded: EventCodec<EventOf<'WorkflowEnded'>> = {
  type: 'WorkflowEnded',
  code: 18,
  version: 1,
  write: (e) => [e.id, e.tenant, e.state],
  read: (f) => ({
    type: 'WorkflowEnded',
    id: f[0] as WorkflowId,
    tenant: num(f[1]),
    state: f[2] as WorkflowEnd,
  }),
};
