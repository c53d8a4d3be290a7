import type { Envelope } from '@yardmaster/contracts';
import type { DomainEvent, TaskSubmitted } from '@yardmaster/domain';
import type { GraphEdge, GraphNode, OpenGraphTask } from '@yardmaster/ports';

/** States that end a task's life, as the owner tells them. */
export const GRAPH_ENDED: readonly string[] = ['succeeded', 'failed', 'upstream_failed', 'cancelled', 'dead'];

export interface GraphChanges {
  readonly tasks: readonly GraphNode[];
  readonly mentioned: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly states: readonly { readonly id: string; readonly state: string }[];
}

interface Open {
  state: string;
  readonly dueAt: number | null;
}

/**
 * What the streams of tasks say about graphs: tasks of workflows and tasks with parents. All others pass without a trace.
 * Knows the tasks of the graph that have not ended, to tell theirs from the many others' ends.
 */
export class GraphFold {
  readonly #open = new Map<string, Open>();
  /** Ids by index of workflows whose submission is not yet complete. */
  readonly #workflows = new Map<string, { readonly ids: string[]; readonly count: number }>();
  #tasks = new Map<string, GraphNode>();
  #mentioned = new Map<string, GraphNode>();
  #edges: GraphEdge[] = [];
  #states = new Map<string, string>();

  constructor(open: Iterable<OpenGraphTask> = []) {
    for (const { id, state, dueAt } of open) this.#open.set(id, { state, dueAt });
  }

  /** What the envelopes of one stream change; a commit group must not be cut. */
  fold(envelopes: readonly Envelope[]): GraphChanges {
    for (const envelope of envelopes) for (const event of envelope.events) this.#apply(event, envelope.at);
    const changes = {
      tasks: [...this.#tasks.values()],
      mentioned: [...this.#mentioned.values()],
      edges: this.#edges,
      states: [...this.#states].map(([id, state]) => ({ id, state })),
    };
    this.#tasks = new Map();
    this.#mentioned = new Map();
    this.#edges = [];
    this.#states = new Map();
    return changes;
  }

  #apply(event: DomainEvent, at: number): void {
    switch (event.type) {
      case 'WorkflowSubmitted':
        if (event.count > 0) this.#workflows.set(event.id, { ids: [], count: event.count });
        return;
      case 'TaskSubmitted':
        if (event.workflow !== null || event.needs.length > 0) this.#submitted(event, at);
        return;
      case 'TasksDue':
        for (const id of event.ids) if (this.#open.get(id)?.state === 'scheduled') this.#become(id, 'ready');
        return;
      case 'TaskSucceeded':
        this.#end(event.id, 'succeeded');
        for (const id of event.released) {
          const child = this.#open.get(id);
          if (child?.state === 'blocked')
            this.#become(id, child.dueAt !== null && child.dueAt > at ? 'scheduled' : 'ready');
        }
        return;
      case 'TaskFailed':
        this.#end(event.id, event.dead === true ? 'dead' : 'failed');
        for (const id of event.upstreamFailed) this.#end(id, 'upstream_failed');
        return;
      case 'TaskCancelled':
        this.#end(event.id, 'cancelled');
        for (const id of event.upstreamFailed) this.#end(id, 'upstream_failed');
        return;
      default:
    }
  }

  #submitted(event: TaskSubmitted, at: number): void {
    const { id, tenant, workflow, rank, dueAt, sealed } = event;
    const state = event.open > 0 ? 'blocked' : dueAt !== null && dueAt > at ? 'scheduled' : 'ready';
    this.#tasks.set(id, { id, tenant, workflow, key: sealed.key, name: sealed.name, rank, state, dueAt });
    this.#open.set(id, { state, dueAt });
    const parents = new Set(this.#siblings(event));
    for (const parent of event.needs) {
      if (!this.#open.has(parent)) this.#mention(parent, event);
      parents.add(parent);
    }
    for (const parent of parents) this.#edges.push({ from: parent, to: id, kind: 'afterOk' });
  }

  #siblings(event: TaskSubmitted): string[] {
    const workflow = event.workflow === null ? undefined : this.#workflows.get(event.workflow);
    if (event.workflow === null || workflow === undefined) return [];
    workflow.ids[event.index] = event.id;
    const parents = event.parents.map((i) => workflow.ids[i]).filter((parent) => parent !== undefined);
    if (event.index === workflow.count - 1) this.#workflows.delete(event.workflow);
    return parents;
  }

  /** A lone task becomes part of a graph when another one names it; what it is was told before, so only its id is known here. */
  #mention(id: string, by: TaskSubmitted): void {
    const state = by.open === 0 ? 'succeeded' : 'ready';
    this.#mentioned.set(id, {
      id,
      tenant: by.tenant,
      workflow: null,
      key: null,
      name: '',
      rank: Math.max(0, by.rank - 1),
      state,
      dueAt: null,
    });
    if (state === 'ready') this.#open.set(id, { state, dueAt: null });
  }

  #end(id: string, state: string): void {
    if (this.#open.delete(id)) this.#tell(id, state);
  }

  #become(id: string, state: string): void {
    const task = this.#open.get(id);
    if (task !== undefined) task.state = state;
    this.#tell(id, state);
  }

  #tell(id: string, state: string): void {
    const fresh = this.#tasks.get(id);
    if (fresh === undefined) this.#states.set(id, state);
    else this.#tasks.set(id, { ...fresh, state });
  }
}
