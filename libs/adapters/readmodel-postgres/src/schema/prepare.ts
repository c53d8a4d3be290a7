import type { ReadModelConnection } from '../connection.js';

// TypeORM is loaded by those who change the schema only: it is large, and readers do without.

/** Makes the schema and brings its tables up to this version; one process at a time, the others wait. */
export async function migrateReadModel(connection: ReadModelConnection): Promise<void> {
  const { migrate } = await import('./migrate.js');
  await migrate(connection);
}

/** Throws the tables and positions away; the next projector makes them anew from the log. */
export async function dropReadModel(connection: ReadModelConnection): Promise<void> {
  const { drop } = await import('./migrate.js');
  await drop(connection);
}
