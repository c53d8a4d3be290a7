import type { DomainEvent } from '../events/index.js';

export interface MemberNode {
  readonly incarnation: string;
  readonly service: string;
  readonly level: number;
  readonly offers: readonly string[];
}

/** `node` is null while nobody is to have it; `releasing` is who held it last and may not have let go yet. */
export interface RoleState {
  readonly node: string | null;
  readonly epoch: number;
  readonly releasing: string | null;
}

/** What the `cluster` stream says: who is a member, who is to have which role, and at which level all work. */
export interface ClusterState {
  installation: string | null;
  partitions: number;
  level: number;
  readonly nodes: Map<string, MemberNode>;
  readonly roles: Map<string, RoleState>;
}

export function newClusterState(): ClusterState {
  return { installation: null, partitions: 0, level: 1, nodes: new Map(), roles: new Map() };
}

/** Total: what cannot be changes nothing. Epochs of a role only grow. */
export function evolveCluster(state: ClusterState, event: DomainEvent): void {
  switch (event.type) {
    case 'ClusterFounded':
      state.installation ??= event.installation;
      state.partitions ||= event.partitions;
      return;
    case 'NodeJoined':
      freeRolesOf(state, event.node);
      state.nodes.set(event.node, {
        incarnation: event.incarnation,
        service: event.service,
        level: event.level,
        offers: event.offers,
      });
      return;
    case 'NodeLeft':
      if (state.nodes.get(event.node)?.incarnation !== event.incarnation) return;
      state.nodes.delete(event.node);
      freeRolesOf(state, event.node);
      return;
    case 'RoleAssigned':
      if (event.epoch <= (state.roles.get(event.role)?.epoch ?? 0)) return;
      state.roles.set(event.role, { node: event.node, epoch: event.epoch, releasing: null });
      return;
    case 'RoleWithdrawn': {
      const role = state.roles.get(event.role);
      if (role?.node !== event.node || role.epoch !== event.epoch) return;
      state.roles.set(event.role, { node: null, epoch: event.epoch, releasing: event.node });
      return;
    }
    case 'FeatureLevelRaised':
      state.level = Math.max(state.level, event.level);
      return;
    default:
  }
}

/** A process that is gone, or was followed by another of its name, holds nothing. */
function freeRolesOf(state: ClusterState, node: string): void {
  for (const [name, role] of state.roles)
    if (role.node === node || role.releasing === node)
      state.roles.set(name, {
        node: role.node === node ? null : role.node,
        epoch: role.epoch,
        releasing: null,
      });
}
