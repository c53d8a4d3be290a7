export interface GraphTask {
  readonly id: string;
  readonly tenant: number;
  readonly workflow: string | null;
  readonly key: string | null;
  readonly name: string;
  /** Longest path from a root. */
  readonly rank: number;
  readonly state: string;
}
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: 'afterOk';
}
export interface WorkflowGraph {
  readonly tasks: readonly GraphTask[];
  readonly edges: readonly GraphEdge[];
}

/** Dependency graphs: who waits for whom, and what a task's failure would reach. Tasks come by rank, then id. `state` is what
 * the task's owner says of it: an attempt that runs is not seen here. A lone task that another one named as its parent is
 * known by its id alone: its name is empty. */
export interface GraphStore {
  /** null when the workflow is not known (yet). */
  workflow(id: string): Promise<WorkflowGraph | null>;
  /** The task and what it depends on, up to `depth` steps away; empty when the graph does not know the task. */
  upstream(task: string, depth: number): Promise<WorkflowGraph>;
  /** The task and what depends on it, up to `depth` steps away. */
  downstream(task: string, depth: number): Promise<WorkflowGraph>;
}

/** A task as it is written. */
export interface GraphNode extends GraphTask {
  /** When it falls due, epoch ms, or null for at once. */
  readonly dueAt: number | null;
}

/** What a writer has to know of a task that has not ended, to go on after a restart. */
export interface OpenGraphTask {
  readonly id: string;
  readonly state: string;
  readonly dueAt: number | null;
}

/** Last envelope of a stream that the graph knows. `hash`: its sha256, hex. */
export interface GraphPosition {
  readonly seq: number;
  readonly hash: string;
}

/** One batch of changes, already folded: at most one entry per task. */
export interface GraphBatch {
  readonly stream: string;
  /** Stored position before the batch, 0 = none; a batch that starts from another one changes nothing. */
  readonly from: number;
  readonly to: GraphPosition;
  /** New tasks; none of them is there yet. */
  readonly tasks: readonly GraphNode[];
  /** Tasks that others name and that may be there or not: those that are stay as they are. */
  readonly mentioned: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly states: readonly { readonly id: string; readonly state: string }[];
}

export interface GraphWriter {
  /** Makes constraints and indexes; fails while the store is away. */
  prepare(): Promise<void>;
  /** Stored position per stream. */
  positions(): Promise<Readonly<Record<string, GraphPosition>>>;
  /** Tasks whose state is none of `ended`. */
  openTasks(ended: readonly string[]): Promise<readonly OpenGraphTask[]>;
  /** All of the batch with its position, or nothing; false when it did not start from the stored position. */
  write(batch: GraphBatch): Promise<boolean>;
  /** Order-independent hash over all nodes and edges, hex: equal graphs have equal hashes. */
  multisetHash(): Promise<string>;
  /** Drops every node, edge and position. */
  clear(): Promise<void>;
  close(): Promise<void>;
}
