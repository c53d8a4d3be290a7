import type { GraphStore, ReadModelQueries } from '@yardmaster/ports';
import type { GatewayViews } from './gateway.module.js';

export interface OpenViews extends GatewayViews {
  close(): Promise<void>;
}

/** The relational view and the graph that the environment names; without one, what needs it answers `unavailable`. */
export async function openViews(env: NodeJS.ProcessEnv): Promise<OpenViews> {
  const close: (() => Promise<void>)[] = [];
  let readModel: ReadModelQueries | null = null;
  const postgres = env['YARD_POSTGRES_URL'] ?? '';
  if (postgres !== '') {
    const { PostgresReadModel } = await import('@yardmaster/readmodel-postgres');
    const opened = PostgresReadModel.open({ url: postgres });
    close.push(() => opened.close());
    readModel = opened;
  }
  let graph: GraphStore | null = null;
  const neo4j = env['YARD_NEO4J_URL'] ?? '';
  if (neo4j !== '') {
    const { Neo4jGraph } = await import('@yardmaster/graph-neo4j');
    const opened = Neo4jGraph.open({
      url: neo4j,
      user: env['YARD_NEO4J_USER'] ?? 'neo4j',
      password: env['YARD_NEO4J_PASSWORD'] ?? '',
    });
    close.push(() => opened.close());
    graph = opened;
  }
  return {
    readModel,
    graph,
    close: async () => {
      for (const one of close) await one();
    },
  };
}
