import type pg from 'pg';
import { storedPositions, type ProjectedPosition } from '../write/positions.js';

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

export interface Snapshot {
  readonly tables: TableHashes;
  /** Up to where the tables know each stream. */
  readonly positions: ReadonlyMap<string, ProjectedPosition>;
}

/** Rows that are hashed together first: all of a large table at once would not fit. */
const ROWS_PER_HASH = 100_000;

/** Hash of every table: equal tables have equal hashes, and the other way round. Reads all rows, from one snapshot. */
export async function hashTables(pool: pg.Pool): Promise<TableHashes> {
  return (await snapshotOf(pool)).tables;
}

/** The hashes with the positions to which they belong. */
export async function snapshotOf(pool: pg.Pool): Promise<Snapshot> {
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
        `WITH placed AS (SELECT md5(t::text) AS row_hash, row_number() OVER (ORDER BY ${key}) - 1 AS place FROM ${table} t),
         parts AS (
           SELECT count(*) AS rows, place / ${String(ROWS_PER_HASH)} AS part, sha256(convert_to(string_agg(row_hash, '' ORDER BY place), 'UTF8')) AS hash
           FROM placed GROUP BY part
         )
         SELECT COALESCE(sum(rows), 0) AS rows, encode(sha256(COALESCE(string_agg(hash, ''::bytea ORDER BY part), '')), 'hex') AS hash FROM parts`,
      );
      const [row] = rows;
      if (row !== undefined) hashes.push([table, { rows: Number(row.rows), hash: row.hash }]);
    }
    return {
      tables: Object.fromEntries(hashes) as unknown as TableHashes,
      positions: await storedPositions(client),
    };
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
    client.release();
  }
}
