import 'reflect-metadata';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { clientConfig, schemaOf, type ReadModelConnection } from '../connection.js';
import { ENTITIES } from './entities.js';
import { FirstTables1763700000000 } from './migrations/1763700000000-first-tables.js';
import { CancelWhileBackingOff1764000000000 } from './migrations/1764000000000-cancel-while-backing-off.js';

/** Any number; the same in every process that changes the schema. */
const MIGRATION_LOCK = 7_305_512_001;

/** Entities and migrations of the read model, for reports and tools; not initialised. */
export function readModelDataSource(connection: ReadModelConnection): DataSource {
  const schema = schemaOf(connection);
  return new DataSource({
    type: 'postgres',
    url: connection.url,
    schema,
    entities: [...ENTITIES],
    migrations: [FirstTables1763700000000, CancelWhileBackingOff1764000000000],
    migrationsTableName: 'migration',
    migrationsTransactionMode: 'each',
    synchronize: false,
    installExtensions: false,
    poolSize: 1,
    extra: { options: `-c search_path=${schema}` },
  });
}

export async function migrate(connection: ReadModelConnection): Promise<void> {
  const schema = schemaOf(connection);
  await underLock(connection, async (client) => {
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    const source = await readModelDataSource(connection).initialize();
    try {
      await source.runMigrations();
    } finally {
      await source.destroy();
    }
  });
}

export async function drop(connection: ReadModelConnection): Promise<void> {
  await underLock(connection, async (client) => {
    await client.query(`DROP SCHEMA IF EXISTS ${schemaOf(connection)} CASCADE`);
  });
}

async function underLock(
  connection: ReadModelConnection,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client(clientConfig(connection));
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await work(client);
  } finally {
    await client.end();
  }
}
