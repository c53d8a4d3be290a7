import { MemoryGraph } from '@yardmaster/graph-memory';
import { Neo4jGraph, type Neo4jAccess } from '@yardmaster/graph-neo4j';
import type { GraphWriter } from '@yardmaster/ports';
import type { ReadModelConnection } from '@yardmaster/readmodel-postgres';

/** A graph store, asked for anew by each session of the projector. */
export interface GraphSource {
  readonly open: () => Promise<GraphWriter>;
  /** Close it with the session. */
  readonly closes: boolean;
}

/** Where the projector writes; null = not at all. */
export interface ProjectorStores {
  readonly postgres: ReadModelConnection | null;
  readonly graph: GraphSource | null;
}

/** How the stores of a yard are reached; null = there is none. */
export interface StoreAccess {
  readonly postgres: ReadModelConnection | null;
  readonly neo4j: Neo4jAccess | null;
}

export function storesOf({ postgres, neo4j }: StoreAccess): ProjectorStores {
  return { postgres, graph: neo4j === null ? null : neo4jSource(neo4j) };
}

/** One graph in this process's memory, which others of the process read. */
export function memoryGraphSource(graph: MemoryGraph): GraphSource {
  return { open: () => Promise.resolve(graph), closes: false };
}

export function neo4jSource(access: Neo4jAccess): GraphSource {
  return { open: () => Promise.resolve(Neo4jGraph.open(access)), closes: true };
}

/** `YARD_POSTGRES_URL`; `YARD_NEO4J_URL` with `YARD_NEO4J_USER` and `YARD_NEO4J_PASSWORD` unless the URL holds them. */
export function storesFromEnvironment(env: NodeJS.ProcessEnv): StoreAccess {
  const { YARD_POSTGRES_URL: postgres, YARD_NEO4J_URL: neo4j } = env;
  return {
    postgres: isGiven(postgres) ? { url: postgres } : null,
    neo4j: isGiven(neo4j) ? neo4jAccess(neo4j, env) : null,
  };
}

export function neo4jAccess(address: string, env: NodeJS.ProcessEnv): Neo4jAccess {
  const { protocol, host, username, password } = new URL(address);
  return {
    url: `${protocol}//${host}`,
    user: decodeURIComponent(username) || (env['YARD_NEO4J_USER'] ?? 'neo4j'),
    password: decodeURIComponent(password) || (env['YARD_NEO4J_PASSWORD'] ?? ''),
  };
}

function isGiven(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}
