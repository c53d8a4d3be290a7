import type { GatewayViews } from '@yardmaster/gateway';
import { MemoryGraph } from '@yardmaster/graph-memory';
import { Neo4jGraph } from '@yardmaster/graph-neo4j';
import type { StoreAccess } from '@yardmaster/projector';
import { PostgresReadModel } from '@yardmaster/readmodel-postgres';
import type { Servers } from '@yardmaster/servers';

export interface OpenViews {
  /** What the gateway answers from. */
  readonly views: GatewayViews;
  /** What the projector's thread writes. */
  readonly stores: StoreAccess;
  /** The graph that is kept in this process instead of a database. */
  readonly memoryGraph: MemoryGraph | null;
  close(): Promise<void>;
}

/** Lists from Postgres; graphs from Neo4j, or from a graph in memory, rebuilt from the log, where there is no Java. */
export function openViews({ postgres, neo4j }: Servers): OpenViews {
  const readModel = postgres === null ? null : PostgresReadModel.open({ url: postgres.url });
  if ('absent' in neo4j) {
    const graph = new MemoryGraph();
    return {
      views: { readModel, graph },
      stores: { postgres, neo4j: null },
      memoryGraph: graph,
      close: async () => {
        await readModel?.close();
      },
    };
  }
  const graph = Neo4jGraph.open(neo4j);
  const close = async (): Promise<void> => {
    await graph.close();
    await readModel?.close();
  };
  const { url, user, password } = neo4j;
  const stores = { postgres, neo4j: { url, user, password } };
  return { views: { readModel, graph }, stores, memoryGraph: null, close };
}
