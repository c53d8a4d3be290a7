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
import neo4j, { type Driver, type ManagedTransaction, type Session, type Transaction } from 'neo4j-driver';
import * as cypher from './queries.js';

export interface Neo4jAccess {
  /** `bolt://host:port` */
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

const ROWS_PER_STATEMENT = 5_000;
const EDGES_PER_STATEMENT = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
const RETRY_MS = 2_000;
const READ_TIMEOUT_MS = 20_000;

/**
 * The graph in Neo4j: `(:Task)-[:DEPENDS_ON]->(:Task)` from child to parent. Connects at the first question; every call
 * rejects while the server is away, and works again when it is back.
 */
export class Neo4jGraph implements GraphStore, GraphWriter {
  constructor(private readonly driver: Driver) {}

  static open({ url, user, password }: Neo4jAccess): Neo4jGraph {
    return new Neo4jGraph(
      neo4j.driver(url, neo4j.auth.basic(user, password), {
        disableLosslessIntegers: true,
        telemetryDisabled: true,
        maxConnectionPoolSize: 5,
        connectionTimeout: CONNECT_TIMEOUT_MS,
        connectionAcquisitionTimeout: CONNECT_TIMEOUT_MS,
        maxTransactionRetryTime: RETRY_MS,
      }),
    );
  }

  async workflow(id: string): Promise<WorkflowGraph | null> {
    const graph = await this.#graph(cypher.WORKFLOW, id);
    return graph.tasks.length === 0 ? null : graph;
  }

  async upstream(task: string, depth: number): Promise<WorkflowGraph> {
    return await this.#graph(cypher.UPSTREAM(steps(depth)), task);
  }

  async downstream(task: string, depth: number): Promise<WorkflowGraph> {
    return await this.#graph(cypher.DOWNSTREAM(steps(depth)), task);
  }

  async prepare(): Promise<void> {
    await this.#session(async (session) => {
      for (const constraint of cypher.CONSTRAINTS) await session.run(constraint);
      await session.run('CALL db.awaitIndexes(60)');
    });
  }

  async positions(): Promise<Readonly<Record<string, GraphPosition>>> {
    const rows = await this.#read<{ stream: string; seq: number; hash: string }>(cypher.POSITIONS, {});
    return Object.fromEntries(rows.map(({ stream, seq, hash }) => [stream, { seq, hash }]));
  }

  async openTasks(ended: readonly string[]): Promise<readonly OpenGraphTask[]> {
    return await this.#read<OpenGraphTask>(cypher.OPEN_TASKS, { ended });
  }

  async write(batch: GraphBatch): Promise<boolean> {
    return await this.#session(async (session) => {
      // Not a managed transaction: one that is tried again after a lost answer would meet its own position.
      const tx = session.beginTransaction();
      try {
        if (!(await advance(tx, batch))) return false;
        await inSlices(tx, cypher.CREATE_TASKS, batch.tasks, ROWS_PER_STATEMENT);
        await inSlices(tx, cypher.MENTION_TASKS, batch.mentioned, ROWS_PER_STATEMENT);
        await inSlices(tx, cypher.CREATE_EDGES, batch.edges, EDGES_PER_STATEMENT);
        await inSlices(tx, cypher.SET_STATES, batch.states, ROWS_PER_STATEMENT);
        await tx.commit();
        return true;
      } finally {
        await tx.close();
      }
    });
  }

  async multisetHash(): Promise<string> {
    const hash = new GraphHash();
    await this.#session(async (session) => {
      for await (const record of session.run(cypher.ALL_TASKS))
        hash.node(record.toObject() as unknown as GraphNode);
      for await (const record of session.run(cypher.ALL_EDGES))
        hash.edge(record.toObject() as unknown as GraphEdge);
    });
    return hash.digest();
  }

  async clear(): Promise<void> {
    await this.#session(async (session) => {
      await session.run(cypher.CLEAR);
    });
  }

  async close(): Promise<void> {
    await this.driver.close();
  }

  async #graph(query: string, id: string): Promise<WorkflowGraph> {
    return await this.#session(
      async (session) =>
        await session.executeRead(
          async (tx) => {
            const ids = (await rowsOf<{ id: string }>(tx, query, { id })).map((row) => row.id);
            const tasks = await rowsOf<GraphTask>(tx, cypher.TASKS_OF, { ids });
            const inside = new Set(ids);
            const edges = (await rowsOf<GraphEdge>(tx, cypher.EDGES_OF, { ids })).filter(({ from }) =>
              inside.has(from),
            );
            return {
              tasks: tasks.sort((a, b) => a.rank - b.rank || compareIds(a.id, b.id)),
              edges: edges.sort((a, b) => compareIds(a.from, b.from) || compareIds(a.to, b.to)),
            };
          },
          { timeout: READ_TIMEOUT_MS },
        ),
    );
  }

  async #read<Row extends object>(query: string, parameters: Record<string, unknown>): Promise<Row[]> {
    return await this.#session(
      async (session) => await session.executeRead(async (tx) => await rowsOf<Row>(tx, query, parameters)),
    );
  }

  async #session<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.driver.session({ fetchSize: 5_000 });
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }
}

async function advance(tx: Transaction, { stream, from, to }: GraphBatch): Promise<boolean> {
  const { records } = await tx.run(cypher.ADVANCE, { stream, from, seq: to.seq, hash: to.hash });
  return records.length > 0;
}

async function inSlices(
  tx: Transaction,
  query: string,
  rows: readonly object[],
  size: number,
): Promise<void> {
  for (let at = 0; at < rows.length; at += size) await tx.run(query, { rows: rows.slice(at, at + size) });
}

async function rowsOf<Row extends object>(
  tx: ManagedTransaction,
  query: string,
  parameters: Record<string, unknown>,
): Promise<Row[]> {
  return (await tx.run(query, parameters)).records.map((record) => record.toObject() as unknown as Row);
}

function steps(depth: number): number {
  return Math.max(0, Math.min(100_000, Math.trunc(depth)));
}
