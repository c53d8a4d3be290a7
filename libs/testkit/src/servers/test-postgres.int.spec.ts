import { testPostgres } from './test-postgres.js';
import { expect, it } from 'vitest';
import pg from 'pg';

it('gives each caller an empty database of its own, which is gone afterwards', async () => {
  const [one, other] = await Promise.all([testPostgres(), testPostgres()]);
  expect(one.url).not.toBe(other.url);
  const client = new pg.Client({ connectionString: one.url });
  await client.connect();
  const { rows } = await client.query("select count(*)::int as n from pg_tables where schemaname = 'public'");
  expect(rows).toEqual([{ n: 0 }]);
  await client.end();
  await Promise.all([one.drop(), other.drop()]);
  await expect(new pg.Client({ connectionString: one.url }).connect()).rejects.toThrow(/does not exist/);
});
