import { randomBytes } from 'node:crypto';
import { startTestServers, type TestServers } from '@yardmaster/servers';
import pg from 'pg';

/** Where the Postgres that the integration specs share is told to them. */
export const TEST_POSTGRES = 'YARD_TEST_POSTGRES_URL';

/** An empty database on a real Postgres. */
export interface TestPostgres {
  /** Connection string, with the password, of a role that owns the server. */
  readonly url: string;
  /** Ends its connections and drops it. */
  drop(): Promise<void>;
}

/**
 * A database of its own for each caller, made in some 30 ms on the server that the integration specs share;
 * outside of them on a server started for it.
 */
export async function testPostgres(): Promise<TestPostgres> {
  const shared = process.env[TEST_POSTGRES];
  if (shared) return databaseOn(shared);
  const own: TestServers = await startTestServers({ postgres: true });
  const database = await databaseOn(own.postgres?.url ?? '');
  return { url: database.url, drop: () => own.close() };
}

async function databaseOn(server: string): Promise<TestPostgres> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await run(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => run(server, `drop database if exists ${name} with (force)`) };
}

async function run(connectionString: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
