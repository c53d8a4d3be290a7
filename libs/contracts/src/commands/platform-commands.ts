import type { AuditCommand } from './audit-commands.js';
import type { DrainEnd, KeyRole, QueuedTask, SchedulingSpec } from '@yardmaster/domain';

/** Who a key belongs to. */
export interface Identity {
  readonly keyId: string;
  readonly tenant: number;
  readonly tenantName: string;
  readonly trusted: boolean;
  readonly user: number;
  readonly role: KeyRole;
  readonly tasksPerHour: number | null;
  readonly burstPerSecond: number | null;
}

/** To the owner of a stream, by the archiver: everything up to `last` is in the archive, read back and whole. Reply: null. */
export interface ArchivedCommand {
  readonly last: number;
  readonly lastHash: string;
  readonly sha256: string;
}

export type LimitsCommand =
  /** Reply: Identity, or rejection `unauthenticated`. `hash` = sha256 of the key, hex. */
  | { readonly op: 'authenticate'; readonly hash: string }
  /** Reply: TokenGrant; rejection `rate-limit-exceeded` when not even `need` can be granted. */
  | { readonly op: 'grant'; readonly tenant: number; readonly need: number; readonly gateway: string }
  | {
      readonly op: 'give-back';
      readonly tenant: number;
      readonly block: number;
      readonly count: number;
      readonly gateway: string;
    }
  /** Reply: {keyId, key}: the key is shown this once. */
  | { readonly op: 'create-key'; readonly tenantName: string; readonly role: KeyRole; readonly name: string }
  | { readonly op: 'revoke-key'; readonly keyId: string }
  | {
      readonly op: 'put-tenant';
      readonly tenantName: string;
      readonly subscription: string;
      readonly trusted: boolean;
    }
  | { readonly op: 'put-subscription'; readonly subscription: import('@yardmaster/domain').Subscription }
  /** Reply: {tenants: {n, name, subscription, trusted}[]}. */
  | { readonly op: 'list-tenants' };

/** `count` tokens, usable until `until` (epoch ms); what is left then must not be used. */
export interface TokenGrant {
  readonly block: number;
  readonly count: number;
  readonly until: number;
  readonly limit: number;
  /** Tokens that the window would still grant. */
  readonly remaining: number;
}

export interface GeneratorGrant {
  readonly partition: number;
  readonly generator: number;
  readonly fromMs: number;
  readonly untilMs: number;
}
/** Reply: GeneratorGrant[] in the order asked. */
export type IdsCommand = {
  readonly op: 'lease';
  readonly partitions: readonly number[];
  readonly holder: string;
};

/** Reply: ClusterView; after `raise-level` it works at the highest level that all nodes can work at. */
export interface ClusterCommand {
  readonly op: 'view' | 'raise-level';
}

export interface ClusterView {
  readonly installation: string;
  readonly partitions: number;
  /** Feature level that all nodes work at. */
  readonly level: number;
  readonly nodes: readonly ClusterNodeView[];
  readonly roles: readonly ClusterRoleView[];
}

export interface ClusterNodeView {
  readonly node: string;
  readonly incarnation: string;
  readonly service: string;
  readonly pid: number;
  readonly level: number;
  /** Roles that it is the owner of now. */
  readonly roles: readonly string[];
  readonly state: 'up' | 'silent' | 'leaving';
  readonly lastSeenMs: number;
  /** Sequence of the last envelope applied, per stream that its roles follow. */
  readonly positions: Readonly<Record<string, number>>;
}

export interface ClusterRoleView {
  readonly role: string;
  /** Who is to have it; null while nobody can. */
  readonly node: string | null;
  readonly epoch: number;
  /** `active`: its owner serves; `moving`: it is being taken over. */
  readonly state: 'active' | 'moving';
}

export interface PushedTask extends Omit<QueuedTask, 'cls'> {
  /** Index into the push's `specs`. */
  readonly spec: number;
}

export interface QueueView {
  readonly name: string;
  readonly paused: boolean;
  readonly visible: number;
  readonly leased: number;
  readonly backingOff: number;
  /** Waiting in the batcher, not yet pushed. */
  readonly ready: number;
  /** Silence of a worker that ends leases of its tasks, ms, unless a task names another. */
  readonly leaseTtlMs: number;
}

export type QueueCommand =
  /** From the batcher; no reply. */
  | {
      readonly op: 'push';
      readonly batcherEpoch: number;
      readonly specs: readonly SchedulingSpec[];
      readonly tasks: readonly PushedTask[];
    }
  /** Reply: QueueAudit. */
  | AuditCommand
  | { readonly op: 'pause'; readonly queue: string; readonly paused: boolean }
  /** null = the default. Reply: QueueView. */
  | { readonly op: 'set-lease-ttl'; readonly queue: string; readonly ttlMs: number | null }
  /** Reply: QueueView[]. */
  | { readonly op: 'list' }
  | { readonly op: 'why'; readonly id: string };

/** What a worker of a runtime can hold at once, and how many are like it; left out = one. */
export interface Offer {
  readonly total: Readonly<Record<string, number>>;
  /** The only tenant that they serve; null = all. */
  readonly tenant: number | null;
  readonly workers?: number;
}

/** What the workers of each runtime (`exec` or `handler:<name>`) can hold at once. */
export type Credit = Readonly<Record<string, readonly Offer[]>>;

export type BatcherCommand =
  /** From the resource manager, when it changes and each second; no reply. */
  | { readonly op: 'credit'; readonly credit: Credit }
  /** Reply: Record<queue, number>. */
  | { readonly op: 'depths' }
  | { readonly op: 'why'; readonly id: string };

export interface WorkerView {
  readonly id: string;
  readonly name: string;
  readonly kind: 'agent' | 'sdk';
  readonly tenant: number | null;
  readonly state: 'healthy' | 'unhealthy' | 'cordoned' | 'gone';
  readonly capacity: Readonly<Record<string, number>>;
  readonly used: Readonly<Record<string, number>>;
  readonly handlers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly leases: number;
  readonly lastHeartbeatMsAgo: number | null;
  readonly gateway: string;
}

export interface CapacityView {
  readonly total: Readonly<Record<string, number>>;
  readonly used: Readonly<Record<string, number>>;
  readonly workers: Readonly<Record<string, number>>;
  readonly waiting: readonly {
    readonly runtime: string;
    readonly count: number;
    readonly oldestAgeMs: number;
  }[];
}

/** A maintenance that has begun: how long it lasts, and whom it is told to with their next heartbeats. */
export interface MaintenanceView {
  readonly forMs: number;
  readonly workers: number;
  readonly leases: number;
}

export type LeaseCommand =
  /** No new work, and after `forMs` what it still runs is ended and runs elsewhere (`kill`; `checkpoint`: what has left one) or goes on (`wait`). Reply: WorkerView. */
  | {
      readonly op: 'drain';
      readonly worker: string;
      readonly forMs: number;
      readonly onDeadline: DrainEnd;
    }
  /** Reply: ResourcesAudit. */
  | AuditCommand
  /** No lease runs out for so long. Reply: MaintenanceView. */
  | { readonly op: 'maintenance'; readonly forMs: number }
  | { readonly op: 'workers' }
  | { readonly op: 'capacity' }
  | { readonly op: 'cordon'; readonly worker: string; readonly cordoned: boolean }
  /** From the owner: end the lease of a task that it has ended or cancelled; no reply. */
  | {
      readonly op: 'withdraw';
      readonly leases: readonly {
        readonly task: string;
        readonly attempt: number;
        readonly fence: number;
        readonly reason: 'cancelled' | 'withdrawn';
      }[];
    }
  | { readonly op: 'why'; readonly id: string };

/** Answer of one role to "why does it wait?"; the first reason in precedence order counts. */
export interface WhyPart {
  readonly reason: string;
  readonly detail: string;
  readonly extra?: unknown;
}

export interface AlertView {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly message: string;
  readonly action: string;
  readonly raisedAt: number;
  readonly clearedAt: number | null;
}
export type MonitorCommand = { readonly op: 'alerts' };

/** Said each second by every node, and when something changed. */
export interface NodeHeartbeat {
  readonly node: string;
  /** Tells one process of this name from the next. */
  readonly incarnation: string;
  readonly service: string;
  readonly pid: number;
  readonly at: number;
  /** Highest feature level that it can work at, and the version of each event that it reads. */
  readonly level: number;
  readonly reads: Readonly<Record<string, number>>;
  /** Roles that it can take. */
  readonly offers: readonly string[];
  /** It is on its way out. */
  readonly isLeaving: boolean;
  /** Roles that it has, or is taking or letting go. */
  readonly roles: readonly {
    readonly role: string;
    readonly epoch: number;
    readonly state: 'restoring' | 'active' | 'stopped';
  }[];
  /** Roles that it was given and cannot take: another owner was seen at this epoch. */
  readonly outranked: Readonly<Record<string, number>>;
  /** Log position applied per followed stream. */
  readonly positions: Readonly<Record<string, number>>;
}

/** What the cluster manager tells a node, each second and when it changes: the whole of what it is to have. */
export interface NodeOrders {
  /** Epoch of the manager: orders of an earlier one count for nothing. */
  readonly manager: number;
  /** The process that they are for. */
  readonly incarnation: string;
  /** True when there are other nodes that take roles. */
  readonly isShared: boolean;
  /** Feature level that the cluster works at; left out by managers that know the first alone. */
  readonly level?: number;
  readonly roles: readonly (readonly [role: string, epoch: number])[];
}
