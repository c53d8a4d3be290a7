import {
  YardError,
  commands,
  rejection,
  type AroundView,
  type CancelResponse,
  type GraphResponse,
  type Page,
  type TaskCommand,
  type TaskResponse,
  type WorkflowResponse,
  type WorkflowSummaryResponse,
  type WorkflowView,
} from '@yardmaster/contracts';
import type { GraphStore, TaskRow, WorkflowGraph, WorkflowRow } from '@yardmaster/ports';
import type { Caller } from '../auth/caller.js';
import { DEFAULT_PAGE, QueryReader, decodeCursor, encodeCursor } from '../body/page-query.js';
import type { TaskReadParts, TaskReads } from './task-reads.js';
import { modelOf, notFound } from './task-reads.js';
import { instant, instantOrNull, statusOfText } from './task-view.js';

const STATUS = { running: 'in_progress', succeeded: 'done', failed: 'failed', cancelled: 'failed' } as const;
const MOST_TASKS = 100_000;
/** A graph store that has not answered by then is on its way up, or away: its driver goes on trying for much longer. */
const GRAPH_PATIENCE_MS = 1_500;

/** Questions about workflows: live ones are asked of their owner, lists of the relational view, graphs of the graph store. */
export class WorkflowReads {
  constructor(
    private readonly parts: TaskReadParts & { readonly graph: GraphStore | null },
    private readonly tasks: TaskReads,
  ) {}

  async get(
    caller: Caller,
    id: string,
    waitMs: number,
    signal: AbortSignal | null,
  ): Promise<WorkflowResponse> {
    return await this.parts.waiters.until(
      id,
      waitMs,
      signal,
      async (waiter) => await this.#look(caller, id, waiter),
      ({ state }) => state !== 'running',
    );
  }

  async list(caller: Caller, query: unknown): Promise<Page<WorkflowSummaryResponse>> {
    const reader = new QueryReader(query, ['limit', 'cursor', 'tenant']);
    const limit = reader.int('limit', 1, 1000) ?? DEFAULT_PAGE;
    const cursor = reader.text('cursor');
    const tenantName = reader.text('tenant');
    reader.done();
    let tenant = caller.scope;
    if (tenantName !== undefined && tenantName !== caller.identity.tenantName) {
      if (caller.scope !== null) return { items: [], nextCursor: null };
      const named = await this.parts.tenants.byName(tenantName);
      if (named === null) return { items: [], nextCursor: null };
      tenant = named.n;
    } else if (tenantName !== undefined) tenant = caller.identity.tenant;
    const rows = await modelOf(this.parts.readModel).workflows({
      tenant,
      limit: limit + 1,
      after: cursor === undefined ? null : decodeCursor(cursor),
    });
    const items = rows.slice(0, limit);
    this.parts.tenants.learn(caller.identity.tenant, caller.identity.tenantName);
    const names = await this.parts.tenants.names(items.map((row) => row.tenant));
    return {
      items: items.map((row) => summary(row, names.get(row.tenant) ?? String(row.tenant))),
      nextCursor: rows.length > limit ? encodeCursor(items.at(-1)!.id) : null,
    };
  }

  async tasksOf(caller: Caller, id: string, query: unknown): Promise<Page<TaskResponse>> {
    await this.#mustSee(caller, id);
    return await this.tasks.list(caller, { sort: 'oldest', ...(query as object) }, { workflow: id });
  }

  async cancel(caller: Caller, id: string): Promise<CancelResponse> {
    const command: TaskCommand = {
      op: 'cancel-workflow',
      id,
      tenant: caller.scope,
      user: caller.identity.user,
    };
    const reply = await this.parts.bus.request<unknown>(commands.tasks(this.tasks.partitionOf(id)), command);
    if (reply.ok) return { id, state: 'cancelling', status: 'in_progress' };
    if (reply.rejection.code === 'not-found' && (await this.#row(caller, id)) !== null)
      throw new YardError(rejection('already-ended', `workflow ${id} has already ended`));
    throw new YardError(reply.rejection);
  }

  /** From the graph store; from the owner while the graph store is behind or away. */
  async graphOf(caller: Caller, id: string): Promise<GraphResponse> {
    const tenant = await this.#mustSee(caller, id);
    const stored = await this.#stored(id);
    if (stored !== null && stored.tasks.length > 0) return graphResponse(stored, tenant);
    const view = await this.#ask(caller, id, null);
    if (view === null)
      throw new YardError(
        rejection('unavailable', 'the graph is not projected yet; try again shortly', { retryAfter: 1 }),
      );
    return {
      tasks: view.tasks.map(({ id: task, key, name, state, rank }) => ({
        id: task,
        key,
        name,
        state,
        status: statusOfText(state),
        rank,
        workflow: id,
      })),
      edges: view.tasks.flatMap(({ id: to, parents }) =>
        parents.map((parent) => ({ from: view.tasks[parent]!.id, to, kind: 'afterOk' as const })),
      ),
    };
  }

  /** From the graph store; from the owner while the graph store is behind or away. */
  async around(
    caller: Caller,
    id: string,
    direction: 'upstream' | 'downstream',
    query: unknown,
  ): Promise<GraphResponse> {
    const reader = new QueryReader(query, ['depth']);
    const depth = reader.int('depth', 1, 1000) ?? 100;
    reader.done();
    const tenant = await this.tasks.tenantOf(caller, id);
    const stored = await this.#ofGraph((graph) =>
      direction === 'upstream' ? graph.upstream(id, depth) : graph.downstream(id, depth),
    );
    if (stored !== null && stored.tasks.length > 0) return graphResponse(stored, tenant);
    const command: TaskCommand = { op: 'around', id, tenant: caller.scope, direction, depth };
    const reply = await this.parts.bus.request<AroundView>(
      commands.tasks(this.tasks.partitionOf(id)),
      command,
    );
    if (reply.ok) {
      const { tasks, edges } = reply.value;
      return graphResponse({ tasks, edges: edges.map((edge) => ({ ...edge, kind: 'afterOk' })) }, tenant);
    }
    throw new YardError(
      reply.rejection.code === 'not-found'
        ? rejection(
            'unavailable',
            'its owner has forgotten this task, and the graph store does not answer just now; try again shortly',
            { retryAfter: 1 },
          )
        : reply.rejection,
    );
  }

  /** Ids of its tasks, for a filter. */
  async taskIds(caller: Caller, id: string): Promise<string[]> {
    return (await this.#look(caller, id, null)).tasks.map(({ id: task }) => task);
  }

  async #look(caller: Caller, id: string, waiter: string | null): Promise<WorkflowResponse> {
    const view = await this.#ask(caller, id, waiter);
    if (view !== null) return workflowResponse(view, await this.#nameOf(caller, view.tenant));
    const row = await this.#row(caller, id);
    if (row === null) throw notFound(id);
    const model = modelOf(this.parts.readModel);
    const rows = await model.tasks({
      tenant: row.tenant,
      workflow: id,
      sort: 'oldest',
      limit: MOST_TASKS,
      after: null,
    });
    return workflowOfRows(row, rows, await this.#stored(id), await this.#nameOf(caller, row.tenant));
  }

  async #stored(id: string): Promise<WorkflowGraph | null> {
    return await this.#ofGraph((graph) => graph.workflow(id));
  }

  /** What the graph store has; null while it is away or there is none. */
  async #ofGraph(ask: (graph: GraphStore) => Promise<WorkflowGraph | null>): Promise<WorkflowGraph | null> {
    const { graph } = this.parts;
    if (graph === null) return null;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<null>((resolve) => {
      timer = setTimeout(resolve, GRAPH_PATIENCE_MS, null);
    });
    return await Promise.race([ask(graph).catch(() => null), patience]).finally(() => {
      clearTimeout(timer);
    });
  }

  async #ask(caller: Caller, id: string, waiter: string | null): Promise<WorkflowView | null> {
    const command: TaskCommand = { op: 'get-workflow', id, tenant: caller.scope, waiter };
    const reply = await this.parts.bus.request<WorkflowView>(
      commands.tasks(this.tasks.partitionOf(id)),
      command,
    );
    if (reply.ok) return reply.value;
    if (reply.rejection.code === 'not-found') return null;
    throw new YardError(reply.rejection);
  }

  async #mustSee(caller: Caller, id: string): Promise<number> {
    const known = (await this.#ask(caller, id, null)) ?? (await this.#row(caller, id));
    if (known === null) throw notFound(id);
    return known.tenant;
  }

  async #row(caller: Caller, id: string): Promise<WorkflowRow | null> {
    const row = await (this.parts.readModel?.workflow(id) ?? null);
    return row !== null && (caller.scope === null || row.tenant === caller.scope) ? row : null;
  }

  async #nameOf({ identity }: Caller, tenant: number): Promise<string> {
    return tenant === identity.tenant ? identity.tenantName : await this.parts.tenants.nameOf(tenant);
  }
}

function workflowResponse(view: WorkflowView, tenant: string): WorkflowResponse {
  return {
    id: view.id,
    name: view.name,
    tenant,
    userId: view.userId,
    state: view.state,
    status: STATUS[view.state],
    labels: { ...view.labels },
    counts: { ...view.counts },
    submittedAt: instant(view.submittedAt),
    endedAt: instantOrNull(view.endedAt),
    tasks: view.tasks.map(({ id, key, name, state, rank, parents }) => ({
      id,
      key,
      name,
      state,
      status: statusOfText(state),
      rank,
      dependsOn: parents.map((parent) => view.tasks[parent]!.id),
    })),
  };
}

function workflowOfRows(
  row: WorkflowRow,
  tasks: readonly TaskRow[],
  graph: WorkflowGraph | null,
  tenant: string,
): WorkflowResponse {
  const counts: Record<string, number> = {};
  for (const { state } of tasks) counts[state] = (counts[state] ?? 0) + 1;
  const ranks = new Map(graph?.tasks.map(({ id, rank }) => [id, rank]));
  const parents = new Map<string, string[]>();
  for (const { from, to } of graph?.edges ?? []) parents.set(to, [...(parents.get(to) ?? []), from]);
  return {
    id: row.id,
    name: row.name,
    tenant,
    userId: row.userId,
    state: row.state,
    status: STATUS[row.state],
    labels: {},
    counts,
    submittedAt: instant(row.submittedAt),
    endedAt: instantOrNull(row.endedAt),
    tasks: tasks.map(({ id, key, name, state, status }) => ({
      id,
      key: key ?? '',
      name,
      state,
      status,
      rank: ranks.get(id) ?? 0,
      dependsOn: parents.get(id) ?? [],
    })),
  };
}

function summary(row: WorkflowRow, tenant: string): WorkflowSummaryResponse {
  const { id, name, userId, state, count, submittedAt, endedAt } = row;
  return {
    id,
    name,
    tenant,
    userId,
    state,
    status: STATUS[state],
    count,
    submittedAt: instant(submittedAt),
    endedAt: instantOrNull(endedAt),
  };
}

/** Only what belongs to the tenant whose task was asked about. */
function graphResponse({ tasks, edges }: WorkflowGraph, tenant: number): GraphResponse {
  const own = tasks.filter((task) => task.tenant === tenant);
  const ids = new Set(own.map(({ id }) => id));
  return {
    tasks: own.map(({ id, key, name, state, rank, workflow }) => ({
      id,
      key,
      name,
      state,
      status: statusOfText(state),
      rank,
      workflow,
    })),
    edges: edges
      .filter(({ from, to }) => ids.has(from) && ids.has(to))
      .map(({ from, to, kind }) => ({ from, to, kind })),
  };
}
