import {
  YardError,
  commands,
  isBlobRef,
  rejection,
  type AttemptResponse,
  type CancelResponse,
  type Page,
  type ResultResponse,
  type TaskCommand,
  type TaskResponse,
  type TaskView,
  type WhyPart,
  type WhyResponse,
} from '@yardmaster/contracts';
import { TASK_STATES, WAIT_REASONS, idPartition, type WaitReason } from '@yardmaster/domain';
import { isId } from '@yardmaster/kernel';
import type { BlobStore, ReadModelQueries, TaskQuery } from '@yardmaster/ports';
import type { Bus } from '@yardmaster/service-kit';
import { checkForceEnd } from '../admission/schema-check.js';
import { invalid } from '../admission/translate-workflow.js';
import type { Caller } from '../auth/caller.js';
import { DEFAULT_PAGE, QueryReader, decodeCursor, encodeCursor } from '../body/page-query.js';
import type { TenantDirectory } from '../tenants.js';
import type { EndWaiters } from './end-waiters.js';
import { hasEnded, statusOfText, taskOfRow, taskResponse } from './task-view.js';

export interface TaskReadParts {
  readonly bus: Bus;
  readonly partitions: number;
  readonly waiters: EndWaiters;
  readonly readModel: ReadModelQueries | null;
  readonly blobs: BlobStore;
  readonly tenants: TenantDirectory;
}

const STATES_LIST = [
  'tenant',
  'state',
  'status',
  'queue',
  'workflow',
  'label',
  'name',
  'since',
  'until',
  'sort',
  'limit',
  'cursor',
] as const;

/** Questions about tasks: live ones are asked of their owner, the rest and all lists come from the relational view. */
export class TaskReads {
  constructor(private readonly parts: TaskReadParts) {}

  async get(caller: Caller, id: string, waitMs: number, signal: AbortSignal | null): Promise<TaskResponse> {
    return await this.parts.waiters.until(
      id,
      waitMs,
      signal,
      async (waiter) => await this.#look(caller, id, waiter),
      ({ state }) => hasEnded(state),
    );
  }

  async result(
    caller: Caller,
    id: string,
    waitMs: number,
    signal: AbortSignal | null,
  ): Promise<ResultResponse> {
    const { state, status, result, error, endedAt } = await this.get(caller, id, waitMs, signal);
    return { id, state, status, result: await this.#whole(caller, id, result), error, endedAt };
  }

  async attempts(caller: Caller, id: string): Promise<{ items: AttemptResponse[] }> {
    const { attempts } = await this.#look(caller, id, null);
    return { items: attempts };
  }

  async cancel(caller: Caller, id: string): Promise<CancelResponse> {
    return await this.#end(caller, { op: 'cancel', id, tenant: caller.scope, user: caller.identity.user });
  }

  /** `body` is a ForceEndRequest. */
  async forceEnd(caller: Caller, id: string, body: unknown): Promise<CancelResponse> {
    await this.#look(caller, id, null);
    const faults = checkForceEnd(body);
    if (faults !== null) throw new YardError(invalid(faults));
    const { reason } = body as { reason: string };
    return await this.#end(caller, {
      op: 'force-end',
      id,
      tenant: caller.scope,
      user: caller.identity.user,
      reason,
    });
  }

  async #end(
    caller: Caller,
    command: Extract<TaskCommand, { op: 'cancel' | 'force-end' }>,
  ): Promise<CancelResponse> {
    const { id } = command;
    const { bus } = this.parts;
    const reply = await bus.request<unknown>(commands.tasks(this.partitionOf(id)), command);
    if (!reply.ok) {
      // The owner forgets ended tasks after a while; that they ended is still the truth to tell.
      if (reply.rejection.code === 'not-found' && (await this.#row(caller, id)) !== null)
        throw new YardError(rejection('already-ended', `task ${id} has already ended`));
      throw new YardError(reply.rejection);
    }
    const state = stateIn(reply.value) ?? 'cancelling';
    return { id, state, status: statusOfText(state) };
  }

  /** The first reason in order of precedence, of all that the roles name. */
  async why(caller: Caller, id: string): Promise<WhyResponse> {
    const task = await this.#look(caller, id, null);
    if (task.status !== 'waiting')
      return { id, state: task.state, status: task.status, reason: null, detail: null, parts: [] };
    const { bus } = this.parts;
    const question = { op: 'why', id };
    const short = { timeoutMs: 2_000, patienceMs: 1_000 };
    const [batcher, queue, leases] = await Promise.all(
      [commands.batcher(), commands.queue(), commands.leases()].map(
        async (subject) => await bus.request<WhyPart | readonly WhyPart[] | null>(subject, question, short),
      ),
    );
    const parts: WhyResponse['parts'] = [];
    if (task.waitReason !== null) parts.push({ from: 'submitter', reason: task.waitReason, detail: '' });
    for (const [from, reply] of [
      ['batcher', batcher],
      ['queue-manager', queue],
      ['resource-manager', leases],
    ] as const) {
      if (reply?.ok !== true || reply.value === null) continue;
      const said: readonly WhyPart[] = Array.isArray(reply.value) ? reply.value : [reply.value as WhyPart];
      for (const part of said) parts.push({ from, ...part });
    }
    parts.sort((a, b) => precedence(a.reason) - precedence(b.reason));
    return {
      id,
      state: task.state,
      status: task.status,
      reason: parts[0]?.reason ?? null,
      detail: parts[0]?.detail ?? null,
      parts,
    };
  }

  async list(
    caller: Caller,
    query: unknown,
    within?: { readonly workflow: string },
  ): Promise<Page<TaskResponse>> {
    const reader = new QueryReader(
      query,
      within === undefined ? STATES_LIST : ['state', 'status', 'limit', 'cursor', 'sort'],
    );
    const tenantName = reader.text('tenant');
    const label = reader.text('label');
    const cursor = reader.text('cursor');
    const limit = reader.int('limit', 1, 1000) ?? DEFAULT_PAGE;
    const asked = {
      state: reader.text('state', TASK_STATES),
      status: reader.text('status', ['waiting', 'in_progress', 'done', 'failed']),
      queue: reader.text('queue'),
      workflow: within?.workflow ?? reader.id('workflow'),
      name: reader.text('name'),
      since: reader.instant('since'),
      until: reader.instant('until'),
      label: label === undefined ? undefined : labelOf(label),
    };
    const sort =
      reader.text('sort', ['newest', 'oldest']) === 'oldest' ? ('oldest' as const) : ('newest' as const);
    reader.done();
    const scope = await this.#scopeOf(caller, tenantName);
    if (scope === 'nobody') return { items: [], nextCursor: null };
    const given = Object.fromEntries(
      Object.entries(asked).filter(([, value]) => value !== undefined),
    ) as Partial<TaskQuery>;
    const rows = await this.#model().tasks({
      ...given,
      tenant: scope,
      sort,
      limit: limit + 1,
      after: cursor === undefined ? null : decodeCursor(cursor),
    });
    const items = rows.slice(0, limit);
    const names = await this.#names(
      caller,
      items.map(({ tenant }) => tenant),
    );
    return {
      items: items.map((row) => taskOfRow(row, names.get(row.tenant) ?? String(row.tenant))),
      nextCursor: rows.length > limit ? encodeCursor(items.at(-1)!.id) : null,
    };
  }

  /** The partition that owns an id; refuses what is not an id of this yard. */
  partitionOf(id: string): number {
    const partition = isId(id) ? idPartition(id) : -1;
    if (partition < 0 || partition >= this.parts.partitions) throw notFound(id);
    return partition;
  }

  /** Throws `not-found` unless the caller may see the task. */
  async tenantOf(caller: Caller, id: string): Promise<number> {
    const view = await this.#ask(caller, id, null);
    if (view !== null) return view.tenant;
    const row = await this.#row(caller, id);
    if (row === null) throw notFound(id);
    return row.tenant;
  }

  async #look(caller: Caller, id: string, waiter: string | null): Promise<TaskResponse> {
    const view = await this.#ask(caller, id, waiter);
    if (view !== null) return taskResponse(view, await this.#nameOf(caller, view.tenant));
    const row = await this.#row(caller, id);
    if (row === null) throw notFound(id);
    return taskOfRow(row, await this.#nameOf(caller, row.tenant), await this.#model().attempts(id));
  }

  /** null when the owner does not know it any more. */
  async #ask(caller: Caller, id: string, waiter: string | null): Promise<TaskView | null> {
    const command: TaskCommand = { op: 'get', id, tenant: caller.scope, waiter };
    const reply = await this.parts.bus.request<TaskView>(commands.tasks(this.partitionOf(id)), command);
    if (reply.ok) return reply.value;
    if (reply.rejection.code === 'not-found') return null;
    throw new YardError(reply.rejection);
  }

  async #row(caller: Caller, id: string): Promise<Awaited<ReturnType<ReadModelQueries['task']>>> {
    const row = await (this.parts.readModel?.task(id) ?? null);
    return row !== null && (caller.scope === null || row.tenant === caller.scope) ? row : null;
  }

  async #whole(caller: Caller, id: string, result: unknown): Promise<unknown> {
    if (!isBlobRef(result)) return result;
    const bytes = await this.parts.blobs.get(await this.tenantOf(caller, id), result.$blob);
    if (bytes === null)
      throw new YardError(
        rejection('not-found', `the result of task ${id} is not in the blob store any more`),
      );
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
  }

  async #nameOf({ identity }: Caller, tenant: number): Promise<string> {
    return tenant === identity.tenant ? identity.tenantName : await this.parts.tenants.nameOf(tenant);
  }

  async #names({ identity }: Caller, tenants: readonly number[]): Promise<ReadonlyMap<number, string>> {
    this.parts.tenants.learn(identity.tenant, identity.tenantName);
    return await this.parts.tenants.names(tenants);
  }

  async #scopeOf(caller: Caller, tenantName: string | undefined): Promise<number | null | 'nobody'> {
    if (tenantName === undefined) return caller.scope;
    if (caller.scope !== null) return tenantName === caller.identity.tenantName ? caller.scope : 'nobody';
    return (await this.parts.tenants.byName(tenantName))?.n ?? 'nobody';
  }

  #model(): ReadModelQueries {
    return modelOf(this.parts.readModel);
  }
}

export function modelOf(readModel: ReadModelQueries | null): ReadModelQueries {
  if (readModel === null)
    throw new YardError(rejection('unavailable', 'lists need Postgres, which this gateway does not have'));
  return readModel;
}

export function notFound(id: string): YardError {
  return new YardError(rejection('not-found', `there is no ${JSON.stringify(id.slice(0, 40))} here`));
}

function precedence(reason: string): number {
  const at = WAIT_REASONS.indexOf(reason as WaitReason);
  return at < 0 ? WAIT_REASONS.length : at;
}

function stateIn(value: unknown): string | null {
  const state = (value as { state?: unknown } | null)?.state;
  return typeof state === 'string' ? state : null;
}

function labelOf(text: string): { key: string; value: string } {
  const equals = text.indexOf('=');
  if (equals <= 0)
    throw new YardError(
      rejection('invalid-request', 'a label filter is `name=value`', {
        errors: [{ path: 'label', message: 'is `name=value`' }],
      }),
    );
  return { key: text.slice(0, equals), value: text.slice(equals + 1) };
}
