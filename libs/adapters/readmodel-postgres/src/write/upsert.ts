/** One column of an upsert: where its values come from and how a row that exists takes them. */
export interface Column<T> {
  readonly name: string;
  /** Postgres type of the array's elements as sent. */
  readonly type: string;
  /** Array literal over the rows. */
  readonly values: (rows: readonly T[]) => string;
  /** Value from `u.<name>`, the sent one. Default: as it is. */
  readonly from?: string;
  /** New value of an existing row, from `t.<name>` and `n.<name>`. Default: the existing one if there is one. */
  readonly merge?: string;
  /** Sent for joins only. */
  readonly isHidden?: boolean;
}

/** A column that another table gives. */
export interface JoinedColumn {
  readonly name: string;
  readonly from: string;
}

export interface Upsert<T> {
  readonly name: string;
  readonly text: string;
  readonly values: (rows: readonly T[]) => string[];
}

/** A statement that inserts or merges any number of rows: one array for each column. */
export function upsert<T>(
  statement: string,
  table: string,
  key: readonly string[],
  columns: readonly Column<T>[],
  joined: { readonly join: string; readonly columns: readonly JoinedColumn[] } = { join: '', columns: [] },
): Upsert<T> {
  const stored = columns.filter((column) => column.isHidden !== true);
  const names = [...stored.map(({ name }) => name), ...joined.columns.map(({ name }) => name)];
  const merges = [
    ...stored.map(({ name, merge }) => ({ name, merge })),
    ...joined.columns.map(({ name }) => ({ name, merge: undefined })),
  ].filter(({ name }) => !key.includes(name));
  const text = [
    `INSERT INTO ${table} AS t (${names.join(', ')})`,
    `SELECT ${[...stored.map(({ name, from }) => from ?? `u.${name}`), ...joined.columns.map(({ from }) => from)].join(', ')}`,
    `FROM unnest(${columns.map(({ type }, i) => `$${String(i + 1)}::${type}[]`).join(', ')}) AS u(${columns.map(({ name }) => name).join(', ')})`,
    joined.join,
    `ON CONFLICT (${key.join(', ')}) DO UPDATE SET`,
    merges
      .map(
        ({ name, merge }) =>
          `${name} = ${(merge ?? `COALESCE(t.${name}, n.${name})`).replaceAll(/\bn\./g, 'EXCLUDED.')}`,
      )
      .join(', '),
  ].join('\n');
  return { name: statement, text, values: (rows) => columns.map((column) => column.values(rows)) };
}
