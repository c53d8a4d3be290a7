import { compareIds } from '@yardmaster/kernel';
import {
  GraphHash,
  type GraphBatch,
  type GraphEdge,
  type GraphNode,
  type GraphPosition,
  type GraphStore,
  type GraphTask,
  type GraphWriter,
  type OpenGraphTask,
  type WorkflowGraph,
} from '@yardmaster/ports';

interface Vertex {
  node: GraphNode;
  readonly parents: string[];
  readonly children: string[];
}

/** The graph in this process's memory, for yards without Neo4j: empty at the start, rebuilt from the log. */
export class MemoryGraph implements GraphStore, GraphWriter {
  readonly #vertices = new Map<string, Vertex>();
  readonly #workflows = new Map<string, string[]>();
  readonly #positions = new Map<string, GraphPosition>();

  workflow(id: string): Promise<WorkflowGraph | null> {
    const tasks = this.#workflows.get(id);
    return Promise.resolve(tasks === undefined ? null : this.#graphOf(new Set(tasks)));
  }

  upstream(task: string, depth: number): Promise<WorkflowGraph> {
    return Promise.resolve(this.#graphOf(this.#around(task, depth, ({ parents }) => parents)));
  }

  downstream(task: string, depth: number): Promise<WorkflowGraph> {
    return Promise.resolve(this.#graphOf(this.#around(task, depth, ({ children }) => children)));
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  positions(): Promise<Readonly<Record<string, GraphPosition>>> {
    return Promise.resolve(Object.fromEntries(this.#positions));
  }

  openTasks(ended: readonly string[]): Promise<readonly OpenGraphTask[]> {
    const open = [...this.#vertices.values()].filter(({ node }) => !ended.includes(node.state));
    return Promise.resolve(open.map(({ node: { id, state, dueAt } }) => ({ id, state, dueAt })));
  }

  write({ stream, from, to, tasks, mentioned, edges, states }: GraphBatch): Promise<boolean> {
    if ((this.#positions.get(stream)?.seq ?? 0) !== from) return Promise.resolve(false);
    for (const task of tasks) this.#insert(task);
    for (const task of mentioned) if (!this.#vertices.has(task.id)) this.#insert(task);
    for (const edge of edges) {
      this.#vertices.get(edge.from)?.children.push(edge.to);
      this.#vertices.get(edge.to)?.parents.push(edge.from);
    }
    for (const { id, state } of states) {
      const vertex = this.#vertices.get(id);
      if (vertex !== undefined) vertex.node = { ...vertex.node, state };
    }
    this.#positions.set(stream, to);
    return Promise.resolve(true);
  }

  multisetHash(): Promise<string> {
    const hash = new GraphHash();
    for (const { node, parents } of this.#vertices.values()) {
      hash.node(node);
      for (const parent of parents) hash.edge({ from: parent, to: node.id, kind: 'afterOk' });
    }
    return Promise.resolve(hash.digest());
  }

  clear(): Promise<void> {
    this.#vertices.clear();
    this.#workflows.clear();
    this.#positions.clear();
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #insert(node: GraphNode): void {
    this.#vertices.set(node.id, { node, parents: [], children: [] });
    if (node.workflow === null) return;
    const tasks = this.#workflows.get(node.workflow);
    if (tasks === undefined) this.#workflows.set(node.workflow, [node.id]);
    else tasks.push(node.id);
  }

  #around(task: string, depth: number, next: (vertex: Vertex) => readonly string[]): Set<string> {
    const reached = new Set(this.#vertices.has(task) ? [task] : []);
    let level = [...reached];
    for (let step = 0; step < depth && level.length > 0; step++) {
      const further = new Set<string>();
      for (const id of level)
        for (const other of next(this.#vertices.get(id)!)) if (!reached.has(other)) further.add(other);
      for (const id of further) reached.add(id);
      level = [...further];
    }
    return reached;
  }

  #graphOf(ids: ReadonlySet<string>): WorkflowGraph {
    const vertices = [...ids].map((id) => this.#vertices.get(id)!);
    const tasks = vertices.map(({ node: { id, tenant, workflow, key, name, rank, state } }): GraphTask => ({
      id,
      tenant,
      workflow,
      key,
      name,
      rank,
      state,
    }));
    const edges = vertices.flatMap(({ node, parents }): GraphEdge[] =>
      parents
        .filter((parent) => ids.has(parent))
        .map((parent) => ({ from: parent, to: node.id, kind: 'afterOk' })),
    );
    return {
      tasks: tasks.sort((a, b) => a.rank - b.rank || compareIds(a.id, b.id)),
      edges: edges.sort((a, b) => compareIds(a.from, b.from) || compareIds(a.to, b.to)),
    };
  }
}
