import type { Column } from './column.js';
import type { CopyRows } from './copy-rows.js';

/** Fields that one call writes, in the order of `columns`. */
export interface Fields<T> {
  readonly columns: readonly Pick<Column<T>, 'name' | 'type' | 'merge'>[];
  readonly write: (rows: CopyRows, row: T) => void;
}

/** A table, or some columns of it, with the statements that bring rows into it. */
export interface Target<T> {
  readonly name: string;
  readonly columns: number;
  readonly write: (rows: CopyRows, row: T) => void;
  /** Rows that are not there yet. */
  readonly copy: string;
  /** A place of the session where others wait to be merged; empty again after each transaction. */
  readonly stage: string;
  readonly copyToStage: string;
  /** Merges what waits there into the rows that exist, then inserts the rest and returns its first key. */
  readonly update: string;
  readonly insertMissing: string;
}

export function target<T>(
  name: string,
  table: string,
  key: readonly [string, ...string[]],
  columns: readonly (Column<T> | Fields<T>)[],
): Target<T> {
  const flat = columns.flatMap((column) => ('columns' in column ? column.columns : [column]));
  const names = flat.map((column) => column.name).join(', ');
  const staged = `${name}_in`;
  const isSame = key.map((column) => `t.${column} = n.${column}`).join(' AND ');
  const merges = flat
    .filter((column) => !key.includes(column.name))
    .map(({ name: column, merge }) => `${column} = ${merge ?? `COALESCE(t.${column}, n.${column})`}`);
  const writers = columns.map(({ write }) => write);
  return {
    name,
    columns: flat.length,
    write: (rows, row) => {
      for (const write of writers) write(rows, row);
    },
    copy: `COPY ${table} (${names}) FROM STDIN (FORMAT binary)`,
    stage: `CREATE TEMP TABLE IF NOT EXISTS ${staged} (${flat.map((column) => `${column.name} ${column.type}`).join(', ')}) ON COMMIT DELETE ROWS`,
    copyToStage: `COPY ${staged} (${names}) FROM STDIN (FORMAT binary)`,
    update: `UPDATE ${table} AS t SET ${merges.join(', ')} FROM ${staged} AS n WHERE ${isSame}`,
    insertMissing: `INSERT INTO ${table} (${names}) SELECT ${names} FROM ${staged} AS n
      WHERE NOT EXISTS (SELECT FROM ${table} AS t WHERE ${isSame}) RETURNING ${key[0]}::text AS key`,
  };
}
