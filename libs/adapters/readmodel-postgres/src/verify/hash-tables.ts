import type pg from 'pg';

/** Order of the rows by which each table is hashed: its primary key. */
const KEYS = {
  attempt: 'task_id, fence',
  checkpoint: 'projection COLLATE "C", stream COLLATE "C"',
  spec: 'stream COLLATE "C", n',
  task: 'task_id',
  worker: 'worker COLLATE "C"',
  workflow: 'workflow_id',
} as const;

export interface TableHash {
  readonly rows: number;
  /** sha256 over the rows in the order of their key, hex. */
  readonly hash: string;
}

export type TableHashes = Readonly<Record<keyof typeof KEYS, TableHash>>;

/** Hash of every table: equal tables have equal hashes, and the other way round. Reads all rows, from one snapshot. */
export async function hashTables(pool: pg.Pool): Promise<TableHashes> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    // What the hash is taken of must not depend on the session.
    await client.query(
      `SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL extra_float_digits = 1; SET LOCAL statement_timeout = 0`,
    );
    const hashes: [string, TableHash][] = [];
    for (const [table, key] of Object.entries(KEYS)) {
      const { rows } = await client.query<{ rows: string; hash: string }>(
        `SELECT count(*) AS rows, encode(sha256(convert_to(COALESCE(string_agg(row_hash, '' ORDER BY place), ''), 'UTF8')), 'hex') AS hash
         FROM (SELECT md5(t::text) AS row_hash, row_number() OVER (ORDER BY ${key}) AS place FROM ${table} t) hashed`,
      );
      const [row] = rows;
      if (row !== undefined) hashes.push([table, { rows: Number(row.rows), hash: row.hash }]);
    }
    return Object.fromEntries(hashes) as unknown as TableHashes;
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
    client.release();
  }
}
