import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openServers, type OpenServersOptions, type Servers } from './open-servers.js';

export interface TestServers extends Servers {
  /** The temporary state directory. */
  readonly home: string;
}

/**
 * Real servers in a temporary directory, gone after `close()`: the broker at once (some 0.2 s), Postgres
 * (some 2 s) and Neo4j (some 6 s) when asked for. When the test process dies, they end by themselves.
 */
export async function startTestServers(
  wants: { readonly postgres?: boolean; readonly neo4j?: boolean } = {},
  options: Partial<Omit<OpenServersOptions, 'wants' | 'home'>> = {},
): Promise<TestServers> {
  const home = mkdtempSync(path.join(tmpdir(), 'yard-servers-'));
  const remove = (): void => rmSync(home, { recursive: true, force: true, maxRetries: 3 });
  try {
    const servers = await openServers({
      graceMs: 1_000,
      isThrowaway: true,
      ...options,
      env: withoutAddresses(options.env ?? process.env),
      home,
      wants: { postgres: wants.postgres ?? false, neo4j: wants.neo4j ?? false },
    });
    if ('ready' in servers.neo4j) await servers.neo4j.ready;
    return {
      ...servers,
      home,
      close: async () => {
        await servers.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Tests write and delete: they never touch a server that somebody runs. */
function withoutAddresses(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = { ...env };
  for (const name of ['YARD_NATS_URL', 'YARD_POSTGRES_URL', 'YARD_NEO4J_URL']) delete kept[name];
  return kept;
}
