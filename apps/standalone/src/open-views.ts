import type { GatewayViews } from '@yardmaster/gateway';
import { MemoryGraph } from '@yardmaster/graph-memory';
import { Neo4jGraph } from '@yardmaster/graph-neo4j';
import { memoryGraphSource, neo4jSource, type ProjectorStores } from '@yardmaster/projector';
import { PostgresReadModel } from '@yardmaster/readmodel-postgres';
import type { Servers } from '@yardmaster/servers';

export interface OpenViews {
  /** What the gateway answers from. */
  readonly views: GatewayViews;
  /** What the projector writes. */
  readonly stores: ProjectorStores;
  close(): Promise<void>;
}

/** Lists from Postgres; graphs from Neo4j, or from a graph in memory, rebuilt from the log, where there is no Java. */
export function openViews({ postgres, neo4j }: Servers): OpenViews {
  const readModel = postgres === null ? null : PostgresReadModel.open({ url: postgres.url });
  if ('absent' in neo4j) {
    const graph = new MemoryGraph();
    return {
      views: { readModel, graph },
      stores: { postgres, graph: memoryGraphSource(graph) },
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
  return { views: { readModel, graph }, stores: { postgres, graph: neo4jSource(neo4j) }, close };
}
