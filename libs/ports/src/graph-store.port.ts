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
export interface GraphEdge { readonly from: string; readonly to: string; readonly kind: 'afterOk' }
export interface WorkflowGraph { readonly tasks: readonly GraphTask[]; readonly edges: readonly GraphEdge[] }

/** Dependency graphs: who waits for whom, and what a task's failure would reach. */
export interface GraphStore {
  workflow(id: string): Promise<WorkflowGraph | null>;
  upstream(task: string, depth: number): Promise<WorkflowGraph>;
  downstream(task: string, depth: number): Promise<WorkflowGraph>;
}

/** One batch of changes, already folded: at most one entry per task. */
export interface GraphBatch {
  readonly stream: string;
  /** Position before and after the batch; a batch whose `from` is not the stored position changes nothing. */
  readonly from: number;
  readonly to: number;
  readonly tasks: readonly GraphTask[];
  readonly edges: readonly GraphEdge[];
  readonly states: readonly { readonly id: string; readonly state: string }[];
}

export interface GraphWriter {
  /** Stored position per stream. */
  positions(): Promise<Readonly<Record<string, number>>>;
  write(batch: GraphBatch): Promise<void>;
  /** Order-independent hash over all nodes and edges, hex: equal graphs have equal hashes. */
  multisetHash(): Promise<string>;
  /** Drops every node, edge and position. */
  clear(): Promise<void>;
}
