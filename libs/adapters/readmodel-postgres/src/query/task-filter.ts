import type { TaskQuery } from '@yardmaster/ports';

export interface FilteredQuery {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Statuses by which the partial indexes can be used. */
const NARROWED: Readonly<Record<string, string>> = {
  waiting: 'owner_end IS NULL',
  in_progress: 'owner_end IS NULL',
  failed: "owner_end <> 'succeeded'",
};

/** The list of tasks as SQL: keyset pages in the order of ids, which is the order of time. */
export function tasksQuery(query: TaskQuery, columns: string): FilteredQuery {
  const values: unknown[] = [];
  const conditions = ['submitted_at IS NOT NULL'];
  const where = (condition: (place: string) => string, value: unknown): void => {
    values.push(value);
    conditions.push(condition(`$${String(values.length)}`));
  };
  const isNewest = query.sort === 'newest';
  if (query.tenant !== null) where((p) => `tenant = ${p}`, query.tenant);
  if (query.workflow !== undefined) where((p) => `workflow_id = ${p}`, query.workflow);
  if (query.state !== undefined) where((p) => `state = ${p}`, query.state);
  if (query.status !== undefined) {
    where((p) => `status = ${p}`, query.status);
    const narrowed = NARROWED[query.status];
    if (narrowed !== undefined) conditions.push(narrowed);
  }
  if (query.queue !== undefined) where((p) => `queue = ${p}`, query.queue);
  if (query.name !== undefined) where((p) => `name = ${p}`, query.name);
  if (query.label !== undefined)
    where((p) => `labels @> ${p}::jsonb`, JSON.stringify({ [query.label.key]: query.label.value }));
  if (query.since !== undefined)
    where((p) => `submitted_at >= to_timestamp(${p}::float8 / 1000)`, query.since);
  if (query.until !== undefined)
    where((p) => `submitted_at < to_timestamp(${p}::float8 / 1000)`, query.until);
  if (query.after !== null) where((p) => `task_id ${isNewest ? '<' : '>'} ${p}`, query.after);
  values.push(query.limit);
  const text = `SELECT ${columns} FROM task WHERE ${conditions.join(' AND ')} ORDER BY task_id ${isNewest ? 'DESC' : 'ASC'} LIMIT $${String(values.length)}`;
  return { text, values };
}
