/**
 * One row of a role's snapshot. `fields` begins with the row's kind and is plain data; `sealed` is what only the tenant may
 * read, and comes back as null when its key is gone.
 */
export interface SnapshotRow {
  readonly fields: readonly unknown[];
  readonly tenant?: number;
  readonly sealed?: unknown;
}

/** Ids in one row. */
export const IDS_IN_ROW = 1_000;
