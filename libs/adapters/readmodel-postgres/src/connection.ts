import pg from 'pg';

/** Schema of the read model unless a caller rebuilds into another one. */
export const READ_MODEL_SCHEMA = 'yard';

export interface ReadModelConnection {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** Lower-case letters, digits and underscores; default `yard`. */
  readonly schema?: string;
}

const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;
const CONNECT_TIMEOUT_MS = 5_000;

export function schemaOf({ schema = READ_MODEL_SCHEMA }: ReadModelConnection): string {
  if (!SCHEMA_NAME.test(schema))
    throw new Error(
      `the schema name ${JSON.stringify(schema)} is not lower-case letters, digits and underscores`,
    );
  return schema;
}

/** Settings with which unqualified names mean the read model's schema. */
export function clientConfig(connection: ReadModelConnection): pg.ClientConfig {
  return {
    connectionString: connection.url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'yardmaster',
    options: `-c search_path=${schemaOf(connection)}`,
  };
}

/** A few connections for questions. The caller ends the pool. */
export function openPool(connection: ReadModelConnection, max = 4): pg.Pool {
  const pool = new pg.Pool({ ...clientConfig(connection), max, idleTimeoutMillis: 30_000 });
  // An idle connection that breaks is replaced at the next question.
  pool.on('error', () => undefined);
  return pool;
}
