import { randomUUID } from 'node:crypto';
import {
  commands,
  eventVersions,
  NotAnEnvelopeError,
  telemetry,
  UnreadableEventError,
  type NodeHeartbeat,
  type NodeOrders,
} from '@yardmaster/contracts';
import type { Clock } from '@yardmaster/kernel';
import type { Seat, SeatHolder } from '@yardmaster/ports';
import type { Bus } from '../bus/bus.js';
import type { RoleRegistry } from '../nest/role-registry.js';
import type { RoleHost } from '../role/role-host.js';
import type { ClusterLevel } from './cluster-level.js';
import { Duties } from './duties.js';
import { ManagerSeat } from './manager-seat.js';

const BEAT_MS = 1_000;
/** The role that is not assigned: it goes with the seat. */
export const MANAGER_ROLE = 'cluster';

export interface ClusterNodeOptions {
  readonly node: string;
  readonly service: string;
  readonly incarnation?: string;
  readonly bus: Bus;
  readonly clock: Clock;
  /** Raised here when the manager tells. */
  readonly level: ClusterLevel;
  readonly registry: RoleRegistry;
  /** Null for a process without roles. */
  readonly host: RoleHost | null;
  /** Where the cluster manager's seat is; asked for only when this process offers that role. */
  readonly openSeat: (holder: SeatHolder) => Promise<Seat>;
  /** True for a yard in one process: it has every role from the start, and is not up before. */
  readonly isWhole: boolean;
  readonly onFailure: (what: string, error: unknown) => void;
}

/**
 * This process as a member of the cluster: says each second that it lives, what it offers and what it has; claims the cluster
 * manager's seat where it can; takes and lets go roles as the manager tells it.
 *
 * Invariants: orders count only when they are for this very process, and of no earlier manager than the last; what it has is
 * what the last orders say, and the manager's role exactly while it sits.
 */
export class ClusterNode {
  readonly incarnation: string;
  readonly #duties: Duties;
  readonly #offers: readonly string[];
  readonly #reads = eventVersions();
  #orders: NodeOrders | null = null;
  #seat: ManagerSeat | null = null;
  #isLeaving = false;
  #isBeatDue = false;
  #timer: NodeJS.Timeout | null = null;
  #listener: { stop(): void } | null = null;
  #onOrders = new Set<() => void>();
  #onTaken = new Set<(error?: unknown) => void>();

  constructor(private readonly options: ClusterNodeOptions) {
    this.incarnation = options.incarnation ?? randomUUID().slice(0, 8);
    this.#offers = options.registry.names;
    this.#duties = new Duties(options.registry.duties, {
      onChange: () => {
        this.changed();
      },
      onFailure: options.onFailure,
    });
  }

  /** True while other processes could have its roles. */
  get isShared(): boolean {
    return this.#orders?.isShared ?? !this.options.isWhole;
  }

  /** Resolves when the cluster manager has told what this process is to have, and it has it; of a whole yard, when it has every role. */
  async start(): Promise<void> {
    const { bus, node, registry, openSeat } = this.options;
    this.#listener = bus.subscribe(commands.node(node), (body) => {
      this.#hear(body as NodeOrders);
    });
    this.#timer = setInterval(() => {
      this.#beat();
    }, BEAT_MS);
    this.#beat();
    if (registry.roles.has(MANAGER_ROLE)) {
      this.#seat = new ManagerSeat(await openSeat({ node, incarnation: this.incarnation }), {
        onChange: () => {
          this.#obey();
        },
        onFailure: (error) => {
          this.options.onFailure('the seat of the cluster manager', error);
        },
      });
      await this.#seat.start();
    }
    await this.#settled();
  }

  /** Lets everything go in order, and says so: others have it at once. */
  async stop(): Promise<void> {
    this.#isLeaving = true;
    this.#beat();
    await Promise.all([this.options.host?.close(), this.#duties.assign(new Map())]);
    await this.#seat?.stop();
    this.#beat();
    this.#listener?.stop();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** What it has changed: others hear of it now. */
  changed(): void {
    for (const look of this.#onTaken) look();
    if (this.#isBeatDue || this.#timer === null) return;
    this.#isBeatDue = true;
    setImmediate(() => {
      this.#isBeatDue = false;
      if (this.#timer !== null && !this.#isLeaving) this.#beat();
    });
  }

  #hear(orders: NodeOrders): void {
    if (this.#isLeaving || orders.incarnation !== this.incarnation) return;
    if (this.#orders !== null && orders.manager < this.#orders.manager) return;
    this.#orders = orders;
    this.options.level.raised(orders.level ?? 1);
    // Whoever cannot read the log any more manages nothing: another is to sit there.
    if (!this.options.level.isWithin)
      void this.#seat?.stop().then(() => {
        this.#obey();
      });
    this.#obey();
    for (const look of this.#onOrders) look();
  }

  #obey(): void {
    if (this.#isLeaving) return;
    const { registry } = this.options;
    const roles = new Map<string, number | null>();
    const duties = new Map<string, number>();
    for (const [name, epoch] of this.#orders?.roles ?? []) {
      if (registry.roles.has(name)) roles.set(name, epoch);
      else if (registry.duties.has(name)) duties.set(name, epoch);
    }
    if (this.#seat?.isSitting === true) roles.set(MANAGER_ROLE, null);
    void this.#take(roles, duties);
  }

  /** Roles first: others wait for those. */
  async #take(roles: ReadonlyMap<string, number | null>, duties: ReadonlyMap<string, number>): Promise<void> {
    try {
      await this.options.host?.assign(roles);
    } catch (error) {
      this.options.onFailure('taking roles', error);
      // It sits where it cannot act: another node that reads the log is to sit there.
      if (isUnreadable(error) && !this.#active().has(MANAGER_ROLE)) await this.#seat?.stop();
      for (const fail of this.#onTaken) fail(error);
    }
    if (!this.#isLeaving) await this.#duties.assign(duties);
  }

  async #settled(): Promise<void> {
    const { isWhole } = this.options;
    await new Promise<void>((resolve, reject) => {
      const look = (error?: unknown): void => {
        if (error !== undefined && isWhole) reject(error);
        else if (!this.#isLeaving && !(isWhole ? this.#hasAll() : this.#hasWhatItShould())) return;
        else resolve();
        this.#onOrders.delete(look);
        this.#onTaken.delete(look);
      };
      this.#onOrders.add(look);
      this.#onTaken.add(look);
      look();
    });
  }

  #hasAll(): boolean {
    const active = this.#active();
    return this.#offers.every((name) => active.has(name));
  }

  #hasWhatItShould(): boolean {
    if (this.#orders === null) return false;
    const active = this.#active();
    return this.#orders.roles.every(([name]) => active.has(name));
  }

  #active(): ReadonlySet<string> {
    const active = new Set(this.#duties.status().map(({ role }) => role));
    for (const { role, state } of this.options.host?.status() ?? []) if (state === 'active') active.add(role);
    return active;
  }

  #beat(): void {
    const { bus, clock, node, service, host, level } = this.options;
    const roles = host?.status() ?? [];
    const positions: Record<string, number> = {};
    for (const one of roles)
      for (const [stream, seq] of Object.entries(one.positions))
        positions[stream] = Math.max(positions[stream] ?? 0, seq);
    const heartbeat: NodeHeartbeat = {
      node,
      incarnation: this.incarnation,
      service,
      pid: process.pid,
      at: clock.now(),
      level: level.own,
      reads: this.#reads,
      offers: this.#offers.filter((name) => name !== MANAGER_ROLE),
      isLeaving: this.#isLeaving,
      roles: [...roles.map(({ role, epoch, state }) => ({ role, epoch, state })), ...this.#duties.status()],
      outranked: host?.outranked() ?? {},
      positions,
    };
    bus.publish(telemetry.heartbeat(node), heartbeat);
  }
}

function isUnreadable(error: unknown): boolean {
  return error instanceof UnreadableEventError && !(error instanceof NotAnEnvelopeError);
}
