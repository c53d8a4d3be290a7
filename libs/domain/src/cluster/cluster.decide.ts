import type { ClusterEvent, RoleWithdrawn } from '../events/index.js';
import {
  type ClusterState,
  evolveCluster,
  type MemberNode,
  newClusterState,
  type RoleState,
} from './cluster-state.js';

/** A node that was not heard for this long is gone: three heartbeats lost, and half a second for the way. */
export const NODE_SILENT_MS = 3_500;
/** A node that is to let a role go has this long before another gets it all the same. */
export const RELEASE_PATIENCE_MS = 8_000;
/** Nodes come and go for a while when a cluster starts: roles are not spread anew before it was quiet for so long. */
export const CALM_MS = 2_000;

/** What is known of a node from its heartbeats. */
export interface SeenNode {
  readonly node: string;
  readonly incarnation: string;
  readonly service: string;
  readonly level: number;
  readonly offers: readonly string[];
  /** Roles that its process has or is taking, and the highest epoch that it knows of each. */
  readonly held: Readonly<Record<string, number>>;
  /** Roles that it was given and cannot have, because another owner was seen at this or a later epoch. */
  readonly outranked: Readonly<Record<string, number>>;
  /** It is on its way out and takes no roles. */
  readonly isLeaving: boolean;
  readonly silentMs: number;
}

export interface ClusterSight {
  readonly nodes: readonly SeenNode[];
  /** How long this manager has been listening: a member that it has not heard since then is gone too. */
  readonly listeningMs: number;
  /** Since the last node came, went or let a role go. */
  readonly calmMs: number;
  /** How long a role has been withdrawn by now. */
  readonly withdrawnMs: (role: string) => number;
}

/**
 * What the cluster manager has to write so that every role that a living node offers has one owner, spread evenly. In this
 * order: who came and who went, free roles to the least loaded, and, when it is calm, roles off the most loaded. Invariants: a
 * role is given away only when nobody has it, and each time at a higher epoch; no role goes to a node that is silent, leaving or
 * below the level; in calm no kind of role is spread more unevenly than by one.
 */
export function decideCluster(state: ClusterState, sight: ClusterSight): ClusterEvent[] {
  const plan = new Plan(state);
  decideMembers(plan, sight);
  const able = ableNodes(plan.state, sight);
  const isComplete = assignFree(plan, able, sight);
  if (isComplete && sight.calmMs >= CALM_MS) withdrawSurplus(plan, able);
  return plan.events;
}

/** Events so far and the state that they lead to, apart from the one that was given. */
class Plan {
  readonly events: ClusterEvent[] = [];
  readonly state: ClusterState;

  constructor(from: ClusterState) {
    this.state = {
      ...newClusterState(),
      level: from.level,
      nodes: new Map(from.nodes),
      roles: new Map(from.roles),
    };
  }

  add(event: ClusterEvent): void {
    this.events.push(event);
    evolveCluster(this.state, event);
  }
}

function isHere({ silentMs }: SeenNode): boolean {
  return silentMs < NODE_SILENT_MS;
}

function decideMembers(plan: Plan, sight: ClusterSight): void {
  const seen = new Map(sight.nodes.map((node) => [node.node, node]));
  for (const [name, member] of [...plan.state.nodes].sort(byName)) {
    const now = seen.get(name);
    if (now === undefined ? sight.listeningMs >= NODE_SILENT_MS : !isHere(now))
      plan.add({ type: 'NodeLeft', node: name, incarnation: member.incarnation, why: 'silent' });
    else if (
      now?.isLeaving === true &&
      now.incarnation === member.incarnation &&
      Object.keys(now.held).length === 0
    )
      plan.add({ type: 'NodeLeft', node: name, incarnation: member.incarnation, why: 'stopped' });
  }
  for (const now of [...sight.nodes].sort((a, b) => compare(a.node, b.node))) {
    if (!isHere(now) || now.isLeaving || isSame(plan.state.nodes.get(now.node), now)) continue;
    const { node, incarnation, service, level, offers } = now;
    plan.add({ type: 'NodeJoined', node, incarnation, service, level, offers });
  }
}

function isSame(known: MemberNode | undefined, now: SeenNode): boolean {
  return known?.incarnation === now.incarnation;
}

/** Nodes that may have roles. */
function ableNodes(state: ClusterState, sight: ClusterSight): SeenNode[] {
  return sight.nodes
    .filter(
      (node) =>
        isHere(node) &&
        !node.isLeaving &&
        node.level >= state.level &&
        state.nodes.get(node.node)?.incarnation === node.incarnation,
    )
    .sort((a, b) => compare(a.node, b.node));
}

/** Gives every role that nobody has to the least loaded node that offers it. False while somebody still has to let one go. */
function assignFree(plan: Plan, able: readonly SeenNode[], sight: ClusterSight): boolean {
  const { state } = plan;
  const ableByName = new Map(able.map((node) => [node.node, node]));
  const here = new Map(sight.nodes.filter(isHere).map((node) => [node.node, node]));
  const offered = new Set(able.flatMap(({ offers }) => offers));
  let isComplete = true;
  for (const name of [...offered].sort(compareRoles)) {
    const role = state.roles.get(name);
    const owner = role?.node == null ? undefined : ableByName.get(role.node);
    if (owner?.offers.includes(name) === true) {
      // Somebody else was the owner at a later epoch than the one it was given: give it a higher one.
      const known = owner.outranked[name] ?? 0;
      if (role !== undefined && known >= role.epoch)
        plan.add({ type: 'RoleAssigned', role: name, node: owner.node, epoch: known + 1 });
      continue;
    }
    if (isHeldStill(state, name, role, here, sight)) {
      isComplete = false;
      continue;
    }
    const taker = leastLoaded(state, name, able);
    if (taker !== null)
      plan.add({ type: 'RoleAssigned', role: name, node: taker.node, epoch: epochAfter(name, role, sight) });
  }
  return isComplete;
}

/** Its owner may be well, though this manager has not heard it yet; or a living process was asked to let the role go, or is leaving, and has not done so. */
function isHeldStill(
  state: ClusterState,
  name: string,
  role: RoleState | undefined,
  here: ReadonlyMap<string, SeenNode>,
  sight: ClusterSight,
): boolean {
  if (role?.node != null && state.nodes.has(role.node) && !here.has(role.node)) return true;
  const holder = role?.node ?? role?.releasing ?? null;
  if (holder === null || here.get(holder)?.held[name] === undefined) return false;
  return sight.withdrawnMs(name) < RELEASE_PATIENCE_MS;
}

/** Above everything that anybody has heard of. */
function epochAfter(name: string, role: RoleState | undefined, sight: ClusterSight): number {
  let epoch = role?.epoch ?? 0;
  for (const { held, outranked } of sight.nodes)
    epoch = Math.max(epoch, held[name] ?? 0, outranked[name] ?? 0);
  return epoch + 1;
}

function leastLoaded(state: ClusterState, role: string, able: readonly SeenNode[]): SeenNode | null {
  const kind = kindOf(role);
  let best: SeenNode | null = null;
  let bestLoad: readonly [number, number] = [Infinity, Infinity];
  for (const node of able) {
    if (!node.offers.includes(role)) continue;
    const load = loadOf(state, node.node, kind);
    if (load[0] < bestLoad[0] || (load[0] === bestLoad[0] && load[1] < bestLoad[1]))
      [best, bestLoad] = [node, load];
  }
  return best;
}

/** Roles of this kind, and all roles, that a node is to have. */
function loadOf(state: ClusterState, node: string, kind: string): readonly [number, number] {
  let same = 0;
  let all = 0;
  for (const [name, role] of state.roles) {
    if (role.node !== node) continue;
    all++;
    if (kindOf(name) === kind) same++;
  }
  return [same, all];
}

/** Takes as few roles as possible off nodes that have two more of a kind than another that could have them. */
function withdrawSurplus(plan: Plan, able: readonly SeenNode[]): void {
  const kinds = new Set([...plan.state.roles.keys()].map(kindOf));
  for (const kind of [...kinds].sort()) {
    const loads = new Map(able.map(({ node }) => [node, loadOf(plan.state, node, kind)[0]]));
    for (
      let move = nextMove(plan.state, able, kind, loads);
      move !== null;
      move = nextMove(plan.state, able, kind, loads)
    ) {
      plan.add(move.event);
      loads.set(move.event.node, (loads.get(move.event.node) ?? 0) - 1);
      loads.set(move.to, (loads.get(move.to) ?? 0) + 1);
    }
  }
}

function nextMove(
  state: ClusterState,
  able: readonly SeenNode[],
  kind: string,
  loads: ReadonlyMap<string, number>,
): { readonly event: RoleWithdrawn; readonly to: string } | null {
  const load = (node: SeenNode): number => loads.get(node.node) ?? 0;
  const full = [...able].sort((a, b) => load(b) - load(a) || compare(a.node, b.node));
  for (const from of full) {
    for (const to of [...full].reverse()) {
      if (load(from) - load(to) < 2) break;
      const role = [...state.roles]
        .filter(([name, { node }]) => node === from.node && kindOf(name) === kind && to.offers.includes(name))
        .map(([name, { epoch }]) => ({ name, epoch }))
        .sort((a, b) => compareRoles(a.name, b.name))
        .at(-1);
      if (role === undefined) continue;
      return {
        event: { type: 'RoleWithdrawn', role: role.name, node: from.node, epoch: role.epoch },
        to: to.node,
      };
    }
  }
  return null;
}

/** `submitter/3` is of the kind `submitter`. */
function kindOf(role: string): string {
  const slash = role.indexOf('/');
  return slash < 0 ? role : role.slice(0, slash);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return compare(a, b);
}

/** `submitter/10` after `submitter/9`. */
function compareRoles(a: string, b: string): number {
  return a.length - b.length || compare(a, b);
}
