import { startTestServers } from '@yardmaster/servers';
import { TEST_POSTGRES } from './test-postgres.js';

/**
 * Before all integration specs: builds the broker when the cache has none, so that specs running side by side
 * find it, and starts one Postgres for all of them (`testPostgres` gives each its own database).
 */
export default async function setUp(): Promise<() => Promise<void>> {
  const servers = await startTestServers(
    { postgres: true },
    { onProgress: (line) => process.stderr.write(`${line}\n`), graceMs: 2_000 },
  );
  process.env[TEST_POSTGRES] = servers.postgres?.url;
  return () => servers.close();
}
