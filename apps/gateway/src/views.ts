import type { GatewayViews } from './gateway.module.js';

export interface OpenViews extends GatewayViews {
  close(): Promise<void>;
}

/** The relational view and the graph that the environment names; without one, what needs it answers `unavailable`. */
export async function openViews(env: NodeJS.ProcessEnv): Promise<OpenViews> {
  const postgres = env['YARD_POSTGRES_URL'];
  if (postgres === undefined || postgres === '') return { readModel: null, graph: null, close: () => Promise.resolve() };
  const { PostgresReadModel } = await import('@yardmaster/readmodel-postgres');
  const readModel = PostgresReadModel.open({ url: postgres });
  return { readModel, graph: null, close: async () => { await readModel.close(); } };
}
