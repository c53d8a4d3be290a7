import type { OwnerTookOver, SegmentArchived } from './task-events.js';

export type KeyRole = 'viewer' | 'submitter' | 'tenant-admin' | 'operator' | 'agent';

export interface Subscription {
  readonly name: string;
  /** null = no limit. */
  readonly tasksPerHour: number | null;
  /** Tasks a second that a burst may reach; null = no smoothing. */
  readonly burstPerSecond: number | null;
  readonly maxWaiting: number | null;
  readonly weight: number;
}

/** First event of an installation; says which one it is. */
export interface ClusterFounded {
  readonly type: 'ClusterFounded';
  readonly installation: string;
  readonly partitions: number;
}
/** A node is there, or came back as a new process: what an earlier process of this name held is free. */
export interface NodeJoined {
  readonly type: 'NodeJoined';
  readonly node: string;
  /** Tells one process of this name from the next. */
  readonly incarnation: string;
  readonly service: string;
  /** Highest feature level that it can work at. */
  readonly level: number;
  /** Roles that it can take. */
  readonly offers: readonly string[];
}
export type NodeLeftWhy = 'silent' | 'stopped';
/** A node is gone; the roles that it held are free. */
export interface NodeLeft {
  readonly type: 'NodeLeft';
  readonly node: string;
  readonly incarnation: string;
  readonly why: NodeLeftWhy;
}
export interface RoleAssigned {
  readonly type: 'RoleAssigned';
  readonly role: string;
  readonly node: string;
  readonly epoch: number;
}
/** A node is to let go of a role, so that another can have it. */
export interface RoleWithdrawn {
  readonly type: 'RoleWithdrawn';
  readonly role: string;
  readonly node: string;
  readonly epoch: number;
}
/** Every node can work at this level now; nodes below it get no roles. */
export interface FeatureLevelRaised {
  readonly type: 'FeatureLevelRaised';
  readonly level: number;
}
export type ClusterEvent =
  | OwnerTookOver
  | SegmentArchived
  | ClusterFounded
  | NodeJoined
  | NodeLeft
  | RoleAssigned
  | RoleWithdrawn
  | FeatureLevelRaised;

export interface TenantCreated {
  readonly type: 'TenantCreated';
  readonly n: number;
  readonly tenant: string;
  readonly trusted: boolean;
  readonly subscription: string;
}
export interface SubscriptionDefined {
  readonly type: 'SubscriptionDefined';
  readonly subscription: Subscription;
}
export interface KeyCreated {
  readonly type: 'KeyCreated';
  readonly keyId: string;
  /** sha256 of the whole key, hex. */
  readonly hash: string;
  readonly tenant: number;
  readonly user: number;
  readonly role: KeyRole;
  readonly name: string;
}
export interface KeyRevoked {
  readonly type: 'KeyRevoked';
  readonly keyId: string;
}
/** `at` is the envelope's time; `block` names the grant so that what is left of it can come back. */
export interface TokensGranted {
  readonly type: 'TokensGranted';
  readonly tenant: number;
  readonly block: number;
  readonly count: number;
  readonly gateway: string;
}
export interface TokensReturned {
  readonly type: 'TokensReturned';
  readonly tenant: number;
  readonly block: number;
  readonly count: number;
}
export type AccountEvent =
  | OwnerTookOver
  | SegmentArchived
  | TenantCreated
  | SubscriptionDefined
  | KeyCreated
  | KeyRevoked
  | TokensGranted
  | TokensReturned;

/** The holder may make ids of (partition, generator) with times in [fromMs, untilMs). */
export interface GeneratorLeased {
  readonly type: 'GeneratorLeased';
  readonly partition: number;
  readonly generator: number;
  readonly holder: string;
  readonly fromMs: number;
  readonly untilMs: number;
}
export type IdEvent = OwnerTookOver | SegmentArchived | GeneratorLeased;

export type AlertKind =
  | 'worker-unhealthy'
  | 'resource-manager-unhealthy'
  | 'service-unhealthy'
  | 'capacity-idle'
  | 'no-worker-fits'
  | 'projection-behind'
  | 'task-stuck';
export interface AlertRaised {
  readonly type: 'AlertRaised';
  readonly id: string;
  readonly kind: AlertKind;
  readonly subject: string;
  readonly message: string;
  /** What the operator should do. */
  readonly action: string;
}
export interface AlertCleared {
  readonly type: 'AlertCleared';
  readonly id: string;
}
export type AlertEvent = OwnerTookOver | SegmentArchived | AlertRaised | AlertCleared;
