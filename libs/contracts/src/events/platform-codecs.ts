import type { AlertKind, KeyRole, NodeLeftWhy, Subscription } from '@yardmaster/domain';
import { type EventCodec, type EventOf, list, num, str } from './codec.js';

export const clusterFounded: EventCodec<EventOf<'ClusterFounded'>> = {
  type: 'ClusterFounded',
  code: 70,
  version: 1,
  write: (e) => [e.installation, e.partitions],
  read: (f) => ({ type: 'ClusterFounded', installation: str(f[0]), partitions: num(f[1]) }),
};

export const roleAssigned: EventCodec<EventOf<'RoleAssigned'>> = {
  type: 'RoleAssigned',
  code: 71,
  version: 1,
  write: (e) => [e.role, e.node, e.epoch],
  read: (f) => ({ type: 'RoleAssigned', role: str(f[0]), node: str(f[1]), epoch: num(f[2]) }),
};

export const nodeJoined: EventCodec<EventOf<'NodeJoined'>> = {
  type: 'NodeJoined',
  code: 72,
  version: 1,
  write: (e) => [e.node, e.incarnation, e.service, e.level, e.offers],
  read: (f) => ({
    type: 'NodeJoined',
    node: str(f[0]),
    incarnation: str(f[1]),
    service: str(f[2]),
    level: num(f[3]),
    offers: list<string>(f[4]),
  }),
};

export const nodeLeft: EventCodec<EventOf<'NodeLeft'>> = {
  type: 'NodeLeft',
  code: 73,
  version: 1,
  write: (e) => [e.node, e.incarnation, e.why],
  read: (f) => ({ type: 'NodeLeft', node: str(f[0]), incarnation: str(f[1]), why: f[2] as NodeLeftWhy }),
};

export const roleWithdrawn: EventCodec<EventOf<'RoleWithdrawn'>> = {
  type: 'RoleWithdrawn',
  code: 74,
  version: 1,
  write: (e) => [e.role, e.node, e.epoch],
  read: (f) => ({ type: 'RoleWithdrawn', role: str(f[0]), node: str(f[1]), epoch: num(f[2]) }),
};

export const featureLevelRaised: EventCodec<EventOf<'FeatureLevelRaised'>> = {
  type: 'FeatureLevelRaised',
  code: 75,
  version: 1,
  write: (e) => [e.level],
  read: (f) => ({ type: 'FeatureLevelRaised', level: num(f[0]) }),
};

export const tenantCreated: EventCodec<EventOf<'TenantCreated'>> = {
  type: 'TenantCreated',
  code: 80,
  version: 1,
  write: (e) => [e.n, e.tenant, e.trusted, e.subscription],
  read: (f) => ({
    type: 'TenantCreated',
    n: num(f[0]),
    tenant: str(f[1]),
    trusted: f[2] as boolean,
    subscription: str(f[3]),
  }),
};

export const subscriptionDefined: EventCodec<EventOf<'SubscriptionDefined'>> = {
  type: 'SubscriptionDefined',
  code: 81,
  version: 1,
  write: (e) => [e.subscription],
  read: (f) => ({ type: 'SubscriptionDefined', subscription: f[0] as Subscription }),
};

export const keyCreated: EventCodec<EventOf<'KeyCreated'>> = {
  type: 'KeyCreated',
  code: 82,
  version: 1,
  write: (e) => [e.keyId, e.hash, e.tenant, e.user, e.role, e.name],
  read: (f) => ({
    type: 'KeyCreated',
    keyId: str(f[0]),
    hash: str(f[1]),
    tenant: num(f[2]),
    user: num(f[3]),
    role: f[4] as KeyRole,
    name: str(f[5]),
  }),
};

export const keyRevoked: EventCodec<EventOf<'KeyRevoked'>> = {
  type: 'KeyRevoked',
  code: 83,
  version: 1,
  write: (e) => [e.keyId],
  read: (f) => ({ type: 'KeyRevoked', keyId: str(f[0]) }),
};

export const tokensGranted: EventCodec<EventOf<'TokensGranted'>> = {
  type: 'TokensGranted',
  code: 84,
  version: 1,
  write: (e) => [e.tenant, e.block, e.count, e.gateway],
  read: (f) => ({
    type: 'TokensGranted',
    tenant: num(f[0]),
    block: num(f[1]),
    count: num(f[2]),
    gateway: str(f[3]),
  }),
};

export const tokensReturned: EventCodec<EventOf<'TokensReturned'>> = {
  type: 'TokensReturned',
  code: 85,
  version: 1,
  write: (e) => [e.tenant, e.block, e.count],
  read: (f) => ({ type: 'TokensReturned', tenant: num(f[0]), block: num(f[1]), count: num(f[2]) }),
};

export const generatorLeased: EventCodec<EventOf<'GeneratorLeased'>> = {
  type: 'GeneratorLeased',
  code: 90,
  version: 1,
  write: (e) => [e.partition, e.generator, e.holder, e.fromMs, e.untilMs],
  read: (f) => ({
    type: 'GeneratorLeased',
    partition: num(f[0]),
    generator: num(f[1]),
    holder: str(f[2]),
    fromMs: num(f[3]),
    untilMs: num(f[4]),
  }),
};

export const alertRaised: EventCodec<EventOf<'AlertRaised'>> = {
  type: 'AlertRaised',
  code: 100,
  version: 1,
  write: (e) => [e.id, e.kind, e.subject, e.message, e.action],
  read: (f) => ({
    type: 'AlertRaised',
    id: str(f[0]),
    kind: f[1] as AlertKind,
    subject: str(f[2]),
    message: str(f[3]),
    action: str(f[4]),
  }),
};

export const alertCleared: EventCodec<EventOf<'AlertCleared'>> = {
  type: 'AlertCleared',
  code: 101,
  version: 1,
  write: (e) => [e.id],
  read: (f) => ({ type: 'AlertCleared', id: str(f[0]) }),
};
