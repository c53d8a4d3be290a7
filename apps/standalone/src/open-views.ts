import type { GatewayViews } from '@yardmaster/gateway';
import { MemoryGraph } from '@yardmaster/graph-memory';
import { Neo4jGraph } from '@yardmaster/graph-neo4j';
import type { StoreAccess } from '@yardmaster/projector';
import { PostgresReadModel } from '@yardmaster/readmodel-postgres';
import type { Servers } from '@yardmaster/servers';
import type { SeenPosition } from '@yardmaster/service-kit';

export interface OpenViews {
  /** What the gateway answers from. */
  readonly views: GatewayViews;
  /** Up to where the tables know the log; null where that cannot be asked. */
  readonly seen: () => Promise<ReadonlyMap<string, SeenPosition> | null>;
  /** What the projector's thread writes. */
  readonly stores: StoreAccess;
  /** The graph that is kept in this process instead of a database. */
  readonly memoryGraph: MemoryGraph | null;
  close(): Promise<void>;
}

/** Lists from Postgres; graphs from Neo4j, or from a graph in memory, rebuilt from the log, where there is no Java. */
export function openViews({ postgres, neo4j }: Servers): OpenViews {
  const readModel = postgres === null ? null : PostgresReadModel.open({ url: postgres.url });
  const seen = async (): Promise<ReadonlyMap<string, SeenPosition> | null> =>
    (await readModel?.seen()) ?? null;
  if ('absent' in neo4j) {
    const graph = new MemoryGraph();
    return {
      views: { readModel, graph },
      seen,
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
  return { views: { readModel, graph }, seen, stores, memoryGraph: null, close };
}
