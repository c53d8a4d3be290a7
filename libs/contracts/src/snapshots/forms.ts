import {
  type AccountsState,
  accountsRows,
  type AlertBook,
  alertRows,
  CellRowReader,
  type CellState,
  cellRows,
  type ClusterState,
  clusterRows,
  type GeneratorLeases,
  generatorRows,
  PartitionRowReader,
  type PartitionState,
  partitionRows,
  QueueRowReader,
  type QueueState,
  queueRows,
  readAccountsRow,
  readAlertRow,
  readClusterRow,
  readGeneratorRow,
  ReadyRowReader,
  type ReadySet,
  readyRows,
  type SnapshotRow,
} from '@yardmaster/domain';
import type { SnapshotForm } from './snapshot-form.js';

/** What reads rows one by one. */
interface RowReader {
  read(row: SnapshotRow): void;
}

function formOf<S>(
  state: S,
  version: number,
  rows: (state: S, at: number) => Iterable<SnapshotRow>,
  reader: (state: S) => RowReader,
): SnapshotForm {
  return {
    version,
    rows: (at) => rows(state, at),
    reader: () => {
      const into = reader(state);
      return (row) => {
        into.read(row);
      };
    },
  };
}

/** For states whose rows need no others. */
const each = <S>(read: (state: S, row: SnapshotRow) => void): ((state: S) => RowReader) => {
  return (state) => ({
    read: (row) => {
      read(state, row);
    },
  });
};

/** The form of each kind of role, over its state. Versions are for ever: golden files hold each that was ever written. */
export const snapshotForms = {
  partition: (state: PartitionState) =>
    formOf(state, 1, partitionRows, (into) => new PartitionRowReader(into)),
  queue: (state: QueueState) => formOf(state, 1, queueRows, (into) => new QueueRowReader(into)),
  cell: (state: CellState) => formOf(state, 1, cellRows, (into) => new CellRowReader(into)),
  ready: (set: ReadySet) => formOf(set, 1, readyRows, (into) => new ReadyRowReader(into)),
  accounts: (state: AccountsState) => formOf(state, 1, accountsRows, each(readAccountsRow)),
  generators: (leases: GeneratorLeases) => formOf(leases, 1, generatorRows, each(readGeneratorRow)),
  cluster: (state: ClusterState) => formOf(state, 1, clusterRows, each(readClusterRow)),
  alerts: (book: AlertBook) => formOf(book, 1, alertRows, each(readAlertRow)),
} as const;
export type SnapshotKind = keyof typeof snapshotForms;
