import type { AlertBook, AlertRecord } from '../alert/alert-book.js';
import type { ClusterState, MemberNode, RoleState } from '../cluster/cluster-state.js';
import type { GeneratorLeased, Subscription } from '../events/index.js';
import type { GeneratorLeases } from '../id/generator-leases.js';
import { tenantAccount, type AccountsState, type ApiKey } from '../limit/accounts-state.js';
import { SlidingWindow, type SlidingWindowState } from '../limit/sliding-window.js';
import type { SnapshotRow } from './row.js';

export function* accountsRows(state: AccountsState): Generator<SnapshotRow> {
  yield { fields: ['counts', state.blocks, state.users] };
  for (const subscription of state.subscriptions.values()) yield { fields: ['subscription', subscription] };
  for (const t of state.tenants.values()) {
    const { latest, grants } = t.window.state();
    yield {
      fields: [
        'tenant',
        t.n,
        t.name,
        t.trusted,
        t.subscription,
        latest === -Infinity ? null : latest,
        grants,
        [...t.blocks].map(([block, { at, left }]) => [block, at, left]),
      ],
    };
  }
  for (const k of state.keys.values())
    yield { fields: ['key', k.keyId, k.hash, k.tenant, k.user, k.role, k.name] };
}

export function readAccountsRow(state: AccountsState, { fields: f }: SnapshotRow): void {
  switch (f[0]) {
    case 'counts':
      state.blocks = f[1] as number;
      state.users = f[2] as number;
      return;
    case 'subscription': {
      const subscription = f[1] as Subscription;
      state.subscriptions.set(subscription.name, subscription);
      return;
    }
    case 'tenant': {
      const fresh = tenantAccount(f[1] as number, f[2] as string, f[3] as boolean, f[4] as string);
      const { limit, windowMs } = fresh.window;
      const kept: SlidingWindowState = {
        latest: (f[5] as number | null) ?? -Infinity,
        grants: f[6] as SlidingWindowState['grants'],
      };
      const tenant = { ...fresh, window: SlidingWindow.from(limit, windowMs, kept) };
      for (const [block, at, left] of f[7] as readonly (readonly [number, number, number])[])
        tenant.blocks.set(block, { at, left });
      state.tenants.set(tenant.n, tenant);
      state.tenantsByName.set(tenant.name, tenant);
      return;
    }
    case 'key': {
      const key: ApiKey = {
        keyId: f[1] as string,
        hash: f[2] as string,
        tenant: f[3] as number,
        user: f[4] as number,
        role: f[5] as ApiKey['role'],
        name: f[6] as string,
      };
      state.keys.set(key.keyId, key);
      state.keysByHash.set(key.hash, key);
    }
  }
}

export function* generatorRows(leases: GeneratorLeases): Generator<SnapshotRow> {
  for (const { partition, generator, holder, fromMs, untilMs } of leases.all())
    yield { fields: ['lease', partition, generator, holder, fromMs, untilMs] };
}

export function readGeneratorRow(leases: GeneratorLeases, { fields: f }: SnapshotRow): void {
  if (f[0] !== 'lease') return;
  const [, partition, generator, holder, fromMs, untilMs] = f as [
    string,
    number,
    number,
    string,
    number,
    number,
  ];
  const event: GeneratorLeased = {
    type: 'GeneratorLeased',
    partition,
    generator,
    holder,
    fromMs,
    untilMs,
  };
  leases.apply(event);
}

export function* clusterRows(state: ClusterState): Generator<SnapshotRow> {
  yield { fields: ['cluster', state.installation, state.partitions, state.level] };
  for (const [name, { incarnation, service, level, offers }] of state.nodes)
    yield { fields: ['node', name, incarnation, service, level, offers] };
  for (const [name, { node, epoch, releasing }] of state.roles)
    yield { fields: ['role', name, node, epoch, releasing] };
}

export function readClusterRow(state: ClusterState, { fields: f }: SnapshotRow): void {
  switch (f[0]) {
    case 'cluster':
      state.installation = f[1] as string | null;
      state.partitions = f[2] as number;
      state.level = f[3] as number;
      return;
    case 'node': {
      const member: MemberNode = {
        incarnation: f[2] as string,
        service: f[3] as string,
        level: f[4] as number,
        offers: f[5] as readonly string[],
      };
      state.nodes.set(f[1] as string, member);
      return;
    }
    case 'role': {
      const role: RoleState = {
        node: f[2] as string | null,
        epoch: f[3] as number,
        releasing: f[4] as string | null,
      };
      state.roles.set(f[1] as string, role);
    }
  }
}

export function* alertRows(book: AlertBook): Generator<SnapshotRow> {
  for (const a of book.alerts.values())
    yield { fields: ['alert', a.id, a.kind, a.subject, a.message, a.action, a.raisedAt, a.clearedAt] };
}

export function readAlertRow(book: AlertBook, { fields: f }: SnapshotRow): void {
  if (f[0] !== 'alert') return;
  const alert: AlertRecord = {
    id: f[1] as string,
    kind: f[2] as AlertRecord['kind'],
    subject: f[3] as string,
    message: f[4] as string,
    action: f[5] as string,
    raisedAt: f[6] as number,
    clearedAt: f[7] as number | null,
  };
  book.alerts.set(alert.id, alert);
}
