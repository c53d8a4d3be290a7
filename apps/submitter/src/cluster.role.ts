import { randomUUID } from 'node:crypto';
import {
  commands,
  snapshotForms,
  streams,
  readNodeHeartbeat,
  rejection,
  telemetry,
  type ClusterCommand,
  type ClusterView,
  type NodeOrders,
  type Reply,
} from '@yardmaster/contracts';
import {
  type ClusterSight,
  decideCluster,
  decideRaise,
  evolveCluster,
  FEATURE_LEVEL,
  newClusterState,
  NODE_SILENT_MS,
  type ClusterEvent,
  type DomainEvent,
} from '@yardmaster/domain';
import type { CommandHandlers, MessageHandlers, Role, RoleContext } from '@yardmaster/service-kit';
import type { NodeRoster } from './node-roster.js';

const LOOK_MS = 500;

/**
 * The cluster manager: founds the installation, knows the nodes, and says who has which role, at which epoch. Decisions are
 * events of the `cluster` stream; nodes are told when those are on disk, and again each time that they are heard.
 */
export class ClusterRole implements Role {
  readonly name = 'cluster';
  readonly stream = streams.cluster;
  readonly follows: readonly string[] = [];
  readonly state = newClusterState();
  readonly snapshot = snapshotForms.cluster(this.state);
  #lookAt = 0;
  #changesSeen = -1;
  /** In the roster's time. */
  #listeningSince = 0;
  #calmSince = 0;
  readonly #withdrawnAt = new Map<string, number>();
  readonly serves: CommandHandlers = {
    [commands.cluster]: ({ op }: ClusterCommand, ctx) =>
      op === 'raise-level' ? this.#raise(ctx) : this.#answer(ctx),
  };
  readonly hears: MessageHandlers = {
    [telemetry.heartbeats]: (body: unknown, ctx) => {
      const beat = readNodeHeartbeat(body);
      this.roster.heard(beat);
      this.#tell(beat.node, ctx);
    },
  };

  constructor(
    private readonly partitions: number,
    private readonly roster: NodeRoster,
    /** Highest feature level of this process: a cluster begins at that of its founder. */
    private readonly ownLevel = FEATURE_LEVEL,
  ) {}

  apply(event: DomainEvent): void {
    evolveCluster(this.state, event);
  }

  takeOver(ctx: RoleContext): void {
    this.#listeningSince = this.#calmSince = this.roster.now();
    if (this.state.installation !== null) return;
    ctx.commit([{ type: 'ClusterFounded', installation: randomUUID(), partitions: this.partitions }]);
    if (this.ownLevel > this.state.level) ctx.commit([{ type: 'FeatureLevelRaised', level: this.ownLevel }]);
  }

  advance(ctx: RoleContext): void {
    const now = ctx.now();
    if (now < this.#lookAt && this.roster.changes === this.#changesSeen) return;
    this.#lookAt = now + LOOK_MS;
    this.#changesSeen = this.roster.changes;
    this.#look(ctx);
    ctx.wakeAt(this.#lookAt);
  }

  #look(ctx: RoleContext): void {
    const now = this.roster.now();
    const events = decideCluster(this.state, this.#sight(now));
    if (events.length === 0) return;
    const moved = this.#note(events, now);
    ctx.commit(events, () => {
      for (const node of moved) this.#tell(node, ctx);
    });
  }

  #sight(now: number): ClusterSight {
    return {
      nodes: this.roster.seen(),
      listeningMs: now - this.#listeningSince,
      calmMs: now - this.#calmSince,
      withdrawnMs: (role) =>
        this.state.roles.get(role)?.releasing == null
          ? 0
          : now - (this.#withdrawnAt.get(role) ?? this.#listeningSince),
    };
  }

  /** Nodes that have to hear of these decisions. */
  #note(events: readonly ClusterEvent[], now: number): ReadonlySet<string> {
    const moved = new Set<string>();
    for (const event of events) {
      if (event.type === 'RoleWithdrawn') this.#withdrawnAt.set(event.role, now);
      else {
        this.#calmSince = now;
        if (event.type === 'RoleAssigned') this.#withdrawnAt.delete(event.role);
      }
      if ('node' in event) moved.add(event.node);
    }
    return moved;
  }

  /** The whole of what a node is to have; once what it rests on is on disk. */
  #tell(node: string, ctx: RoleContext): void {
    const member = this.state.nodes.get(node);
    if (member === undefined) return;
    const roles = [...this.state.roles].flatMap(([name, role]) =>
      role.node === node ? [[name, role.epoch] as const] : [],
    );
    const orders: NodeOrders = {
      manager: ctx.epoch,
      incarnation: member.incarnation,
      level: this.state.level,
      isShared: [...this.state.nodes].some(([name, { offers }]) => name !== node && offers.length > 0),
      roles,
    };
    ctx.effect(() => {
      ctx.tell(commands.node(node), orders);
    });
  }

  /** For good, so only when asked: until then a node of the version before can have the roles back. */
  #raise(ctx: RoleContext): Promise<Reply<ClusterView>> | Reply<ClusterView> {
    const decided = decideRaise(this.state, this.#sight(this.roster.now()), this.ownLevel);
    if (decided.kind === 'rejected')
      return {
        ok: false,
        rejection: rejection(
          'conflict',
          `the cluster stays at feature level ${String(this.state.level)}: ${decided.why}`,
        ),
      };
    if (decided.kind === 'accepted')
      ctx.commit([decided.event], () => {
        for (const node of this.state.nodes.keys()) this.#tell(node, ctx);
      });
    return this.#answer(ctx);
  }

  #answer(ctx: RoleContext): Promise<Reply<ClusterView>> {
    return new Promise((resolve) => {
      const view = this.#view(ctx);
      ctx.effect(() => {
        resolve({ ok: true, value: view });
      });
    });
  }

  #view(ctx: RoleContext): ClusterView {
    const beats = this.roster.beats();
    const active = new Map<string, number>();
    const nodes = beats.map(({ beat, silentMs }) => {
      const roles = beat.roles.filter(({ state }) => state === 'active');
      const isSilent = silentMs >= NODE_SILENT_MS;
      if (!isSilent) for (const { role, epoch } of roles) active.set(`${role} ${beat.node}`, epoch);
      return {
        node: beat.node,
        incarnation: beat.incarnation,
        service: beat.service,
        pid: beat.pid,
        level: beat.level,
        roles: isSilent ? [] : roles.map(({ role }) => role),
        state: isSilent ? ('silent' as const) : beat.isLeaving ? ('leaving' as const) : ('up' as const),
        lastSeenMs: Math.round(silentMs),
        positions: beat.positions,
      };
    });
    const roles = [...this.state.roles].map(([role, { node, epoch }]) => {
      const reached = active.get(`${role} ${String(node)}`);
      return {
        role,
        node,
        epoch: Math.max(epoch, reached ?? 0),
        state: reached !== undefined && reached >= epoch ? ('active' as const) : ('moving' as const),
      };
    });
    const own = { role: this.name, node: ctx.node, epoch: ctx.epoch, state: 'active' as const };
    const { installation, level } = this.state;
    return {
      installation: installation ?? '',
      partitions: this.partitions,
      level,
      nodes,
      roles: [own, ...roles],
    };
  }
}
