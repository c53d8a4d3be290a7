import {
  AccountsState,
  AlertBook,
  CellState,
  type DomainEvent,
  evolveCluster,
  evolvePartition,
  evolveQueue,
  GeneratorLeases,
  newClusterState,
  PartitionState,
  QueueState,
  ReadySet,
  specKey,
} from '@yardmaster/domain';
import { streams } from '../subjects.js';
import { snapshotForms, type SnapshotKind } from './forms.js';
import type { SnapshotForm } from './snapshot-form.js';

/** Stream, time and author of the envelope that an event came in. */
export interface FoldOrigin {
  readonly stream: string;
  readonly at: number;
  readonly node: string;
  readonly epoch: number;
}

/** What a role knows, apart from what it does: the fold of its own stream and those that it follows. */
export interface RoleFold {
  readonly name: string;
  /** null for a role without a stream. */
  readonly stream: string | null;
  readonly follows: readonly string[];
  readonly kind: SnapshotKind;
  readonly snapshot: SnapshotForm;
  apply(event: DomainEvent, from: FoldOrigin): void;
}

/** Streams that each kind of role follows. */
export const followedBy = {
  submitter: [streams.queue(), streams.leases()],
  batcher: (partitions: number): string[] => [...tasksOf(partitions), streams.queue()],
  queue: (partitions: number): string[] => [...tasksOf(partitions), streams.leases()],
  resources: [streams.queue()],
} as const;

function tasksOf(partitions: number): string[] {
  return Array.from({ length: partitions }, (_, p) => streams.tasks(p));
}

/** A fold that knows nothing yet of every role of an installation, by its name. */
export function roleFolds(partitions: number): ReadonlyMap<string, () => RoleFold> {
  const makers: [string, () => RoleFold][] = [
    ['cluster', clusterFold],
    ['limits', limitsFold],
    ['ids', idsFold],
    ...Array.from({ length: partitions }, (_, p): [string, () => RoleFold] => [
      `submitter/${String(p)}`,
      () => submitterFold(p),
    ]),
    ['batcher/main', () => batcherFold(partitions)],
    ['queue/main', () => queueFold(partitions)],
    ['resources/main', resourcesFold],
    ['monitor', monitorFold],
  ];
  return new Map(makers);
}

function submitterFold(p: number): RoleFold {
  const state = new PartitionState(p);
  return {
    name: `submitter/${String(p)}`,
    stream: streams.tasks(p),
    follows: followedBy.submitter,
    kind: 'partition',
    snapshot: snapshotForms.partition(state),
    apply: (event, from) => {
      evolvePartition(state, event, from);
    },
  };
}

function batcherFold(partitions: number): RoleFold {
  const set = new ReadySet();
  const numbers = new Map(tasksOf(partitions).map((stream, p) => [stream, p]));
  return {
    name: 'batcher/main',
    stream: null,
    follows: followedBy.batcher(partitions),
    kind: 'ready',
    snapshot: snapshotForms.ready(set),
    apply: (event, { stream, at }) => {
      set.apply(event, numbers.get(stream) ?? -1, stream, at);
    },
  };
}

function queueFold(partitions: number): RoleFold {
  const state = new QueueState();
  return {
    name: 'queue/main',
    stream: streams.queue(),
    follows: followedBy.queue(partitions),
    kind: 'queue',
    snapshot: snapshotForms.queue(state),
    apply: (event, { at }) => {
      evolveQueue(state, event, specKey, at);
    },
  };
}

function resourcesFold(): RoleFold {
  const state = new CellState();
  return {
    name: 'resources/main',
    stream: streams.leases(),
    follows: followedBy.resources,
    kind: 'cell',
    snapshot: snapshotForms.cell(state),
    apply: (event, { at }) => {
      state.apply(event, at);
    },
  };
}

function limitsFold(): RoleFold {
  const state = new AccountsState();
  return {
    name: 'limits',
    stream: streams.accounts,
    follows: [],
    kind: 'accounts',
    snapshot: snapshotForms.accounts(state),
    apply: (event, { at }) => {
      state.apply(event, at);
    },
  };
}

function idsFold(): RoleFold {
  const state = new GeneratorLeases();
  return {
    name: 'ids',
    stream: streams.ids,
    follows: [],
    kind: 'generators',
    snapshot: snapshotForms.generators(state),
    apply: (event) => {
      state.apply(event);
    },
  };
}

function clusterFold(): RoleFold {
  const state = newClusterState();
  return {
    name: 'cluster',
    stream: streams.cluster,
    follows: [],
    kind: 'cluster',
    snapshot: snapshotForms.cluster(state),
    apply: (event) => {
      evolveCluster(state, event);
    },
  };
}

function monitorFold(): RoleFold {
  const book = new AlertBook();
  return {
    name: 'monitor',
    stream: streams.alerts,
    follows: [],
    kind: 'alerts',
    snapshot: snapshotForms.alerts(book),
    apply: (event, { at }) => {
      book.apply(event, at);
    },
  };
}
