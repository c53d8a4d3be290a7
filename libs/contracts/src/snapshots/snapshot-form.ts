import type { SnapshotRow } from '@yardmaster/domain';

/** How what a role folded is written and read. A new shape of rows is a new version, with an upcaster from the one before. */
export interface SnapshotForm {
  readonly version: number;
  /** `at`: time of the last own envelope, epoch ms; what ended long before is left out. */
  rows(at: number): Iterable<SnapshotRow>;
  /** Takes rows in their order into a role that has folded nothing. Throws on rows that cannot be. */
  reader(): (row: SnapshotRow) => void;
  /** `upcasters[v]` turns a row of version v into one of v + 1; null = there is none any more. */
  readonly upcasters?: Readonly<Record<number, (row: SnapshotRow) => SnapshotRow | null>>;
}

/** Reads rows of any version up to the form's own. */
export function readerOf(form: SnapshotForm, version: number): (row: SnapshotRow) => void {
  const read = form.reader();
  const ups = Array.from({ length: form.version - version }, (_, i) => form.upcasters?.[version + i]);
  return (row) => {
    let now: SnapshotRow | null = row;
    for (const up of ups) {
      if (up === undefined) throw new Error(`snapshots of version ${String(version)} have no upcaster`);
      now = up(now);
      if (now === null) return;
    }
    read(now);
  };
}
