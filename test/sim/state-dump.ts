import { BatcherRole } from '@yardmaster/batcher';
import {
  nextDue,
  type CellState,
  type Lease,
  type PartitionState,
  type QueueState,
  type ReadySet,
} from '@yardmaster/domain';
import { QueueRole } from '@yardmaster/queue-manager';
import { LimitsRole } from '@yardmaster/ratelimiter';
import { ResourcesRole } from '@yardmaster/resource-manager';
import type { Role } from '@yardmaster/service-kit';
import { SubmitterRole } from '@yardmaster/submitter';

/** What the log decides of each role's state, in a form that compares. Left out: measured things (health, load), and what is
 * noted only until it is acted on. */
export function dumpRoles(roles: readonly Role[]): Record<string, unknown> {
  const dump: Record<string, unknown> = {};
  for (const role of roles) {
    if (role instanceof SubmitterRole) dump[role.name] = dumpPartition(role.state);
    else if (role instanceof BatcherRole) dump[role.name] = dumpReady(role.set);
    else if (role instanceof QueueRole) dump[role.name] = dumpQueue(role.state);
    else if (role instanceof ResourcesRole) dump[role.name] = dumpCell(role.state);
    else if (role instanceof LimitsRole) {
      const { tenants, keys, subscriptions, blocks, users } = role.state;
      dump[role.name] = {
        keys: sorted(keys),
        subscriptions: sorted(subscriptions),
        blocks,
        users,
        tenants: sorted(tenants, (t) => ({ ...t, window: t.window.state(), blocks: sorted(t.blocks) })),
      };
    }
  }
  return dump;
}

function sorted<K extends string | number, V>(
  map: Iterable<readonly [K, V]>,
  show: (value: V, key: K) => unknown = (v) => v,
): [K, unknown][] {
  return [...map]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, value]) => [key, show(value, key)]);
}

const ids = (of: Iterable<{ readonly id: string }>): string[] => [...of].map(({ id }) => id).sort();

export function dumpPartition(state: PartitionState): unknown {
  return {
    specs: state.specs,
    claims: sorted(state.claims),
    sessions: sorted(state.sessions),
    nextDue: nextDue(state),
    toFail: ids(state.toFail),
    toSettle: ids(state.toSettle),
    workflows: sorted(state.workflows, ({ tasks, ...rest }) => ({
      ...rest,
      tasks: tasks.map(({ id }) => id),
    })),
    tasks: sorted(state.tasks, (t) => ({
      state: t.state,
      open: t.open,
      cancelRequested: t.cancelRequested,
      attempts: t.attempts,
      endedAt: t.endedAt,
      result: t.result,
      error: t.error,
      category: t.category,
      parents: ids(t.parents),
      children: ids(t.children),
      workflow: t.workflow?.id ?? null,
      spec: t.spec,
      content: t.content,
      submittedAt: t.submittedAt,
      dueAt: t.dueAt,
    })),
  };
}

export function dumpQueue(state: QueueState): unknown {
  return {
    entries: sorted(state.entries),
    depths: sorted(state.depths),
    paused: [...state.paused].sort(),
    classes: state.classes,
    batches: state.batches,
    batcherEpoch: state.batcherEpoch,
    backingOff: [...state.backingOff].map((e) => e.task.id).sort(),
    toDecide: [...state.toDecide].map((e) => e.task.id).sort(),
    toRemove: [...state.toRemove].sort(),
  };
}

/** Where it lies among those of its worker means nothing. */
function shownLease({ place: _place, ...lease }: Lease): unknown {
  return lease;
}

export function dumpCell(state: CellState): unknown {
  return {
    leases: sorted(state.leases, shownLease),
    paused: [...state.paused].sort(),
    entries: sorted(state.entries, (e) => ({
      task: e.task,
      state: e.state,
      attempts: e.attempts,
      failedOn: [...(e.failedOn ?? [])].sort(),
      lost: e.lost,
    })),
    extendedMs: state.extendedMs,
    lanes: sorted(new Map([...state.lanes].filter(([, lane]) => lane.visible > 0)), (lane) => lane.visible),
    workers: sorted(state.workers, ({ healthy: _h, isAway: _a, load: _l, index: _i, ...w }) => ({
      ...w,
      held: sorted(w.held.all.map((lease) => [lease.task, shownLease(lease)])),
      handlers: [...w.handlers].sort(),
    })),
  };
}

export function dumpReady(set: ReadySet): unknown {
  return {
    waiting: set.waiting,
    cancelling: [...set.cancelling].sort(),
    tasks: sorted(set.tasks, (t) => ({
      state: t.state,
      tenant: t.tenant,
      p: t.p,
      dueAt: t.dueAt,
      eligibleAt: t.eligibleAt,
    })),
    lanes: sorted(
      new Map([...set.lanes].filter(([, lane]) => lane.waiting !== 0 || lane.depth !== 0)),
      (lane) => ({ waiting: lane.waiting, depth: lane.depth }),
    ),
    depths: sorted(new Map([...set.tenantDepth].filter(([, depth]) => depth !== 0))),
  };
}

/** Where two dumps differ, as paths with both values. */
export function differences(before: unknown, after: unknown, path = ''): string[] {
  if (Object.is(before, after)) return [];
  if (typeof before === 'object' && typeof after === 'object' && before !== null && after !== null) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) =>
      differences(
        (before as Record<string, unknown>)[name],
        (after as Record<string, unknown>)[name],
        `${path}/${name}`,
      ),
    );
  }
  return [`${path}: ${JSON.stringify(before) ?? 'nothing'} became ${JSON.stringify(after) ?? 'nothing'}`];
}
