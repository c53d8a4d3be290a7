import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClusterEvent } from '../events/index.js';
import { type ClusterState, evolveCluster, newClusterState } from './cluster-state.js';
import {
  CALM_MS,
  decideCluster,
  NODE_SILENT_MS,
  RELEASE_PATIENCE_MS,
  type SeenNode,
} from './cluster.decide.js';

const ROLES = [...Array.from({ length: 8 }, (_, p) => `submitter/${String(p)}`), 'limits', 'queue/main'];
const TICK_MS = 500;

interface Process {
  name: string;
  incarnation: number;
  isUp: boolean;
  isStopped: boolean;
  isLeaving: boolean;
  level: number;
  held: Map<string, number>;
  heardAt: number;
  /** Does not follow orders for now. */
  isDeaf: boolean;
}

/** A manager and its nodes, played in one thread; the log holds what was decided. */
class Model {
  readonly log: ClusterEvent[] = [];
  state = newClusterState();
  now = 0;
  calmSince = 0;
  listeningSince = 0;
  readonly withdrawnAt = new Map<string, number>();
  readonly nodes: Process[] = [];

  constructor(n: number) {
    for (let i = 0; i < n; i++)
      this.nodes.push({
        name: `n${String(i)}`,
        incarnation: 0,
        isUp: false,
        isStopped: false,
        isLeaving: false,
        level: 1,
        held: new Map(),
        heardAt: -Infinity,
        isDeaf: false,
      });
  }

  /** A new manager knows the log and nothing else. */
  fail(): void {
    this.state = newClusterState();
    for (const event of this.log) evolveCluster(this.state, event);
    this.listeningSince = this.now;
    for (const node of this.nodes) node.heardAt = -Infinity;
  }

  tick(): readonly ClusterEvent[] {
    this.now += TICK_MS;
    for (const node of this.nodes) if (node.isUp && !node.isStopped) node.heardAt = this.now;
    const events = decideCluster(this.state, {
      nodes: this.nodes.filter(({ heardAt }) => heardAt !== -Infinity).map((node) => this.seen(node)),
      listeningMs: this.now - this.listeningSince,
      calmMs: this.now - this.calmSince,
      withdrawnMs: (role) => this.now - (this.withdrawnAt.get(role) ?? this.now),
    });
    this.check(events);
    for (const event of events) {
      if (event.type === 'RoleWithdrawn') this.withdrawnAt.set(event.role, this.now);
      else if (event.type === 'RoleAssigned') this.withdrawnAt.delete(event.role);
      else this.calmSince = this.now;
      this.log.push(event);
      evolveCluster(this.state, event);
    }
    this.obey();
    return events;
  }

  private seen(node: Process): SeenNode {
    return {
      node: node.name,
      incarnation: String(node.incarnation),
      service: 's',
      level: node.level,
      offers: ROLES,
      held: Object.fromEntries(node.held),
      outranked: {},
      isLeaving: node.isLeaving,
      silentMs: this.now - node.heardAt,
    };
  }

  private check(events: readonly ClusterEvent[]): void {
    const trial: ClusterState = {
      ...newClusterState(),
      level: this.state.level,
      nodes: new Map(this.state.nodes),
      roles: new Map(this.state.roles),
    };
    for (const event of events) {
      if (event.type === 'RoleAssigned') {
        const before = trial.roles.get(event.role);
        expect(event.epoch).toBeGreaterThan(before?.epoch ?? 0);
        const node = this.nodes.find(({ name }) => name === event.node);
        expect(this.now - (node?.heardAt ?? 0)).toBeLessThan(NODE_SILENT_MS);
        expect(node?.isLeaving).toBe(false);
        expect(node?.level).toBeGreaterThanOrEqual(trial.level);
        // Nobody who is heard has it, unless it was asked to let go and did not for a long time.
        const holder = this.nodes.find(
          (one) => one.name === (before?.node ?? before?.releasing) && one.held.has(event.role),
        );
        if (holder !== undefined && this.now - holder.heardAt < NODE_SILENT_MS)
          expect(this.now - (this.withdrawnAt.get(event.role) ?? this.now)).toBeGreaterThanOrEqual(
            RELEASE_PATIENCE_MS,
          );
      }
      evolveCluster(trial, event);
    }
  }

  /** Nodes that hear their orders take what is theirs and let go what is not. */
  private obey(): void {
    for (const node of this.nodes) {
      if (!node.isUp || node.isStopped || node.isDeaf) continue;
      const mine = new Map(
        [...this.state.roles]
          .filter(([, role]) => role.node === node.name)
          .map(([name, { epoch }]) => [name, epoch]),
      );
      node.held = node.isLeaving ? new Map() : mine;
    }
  }
}

/** A node of the older level is not heard for a moment while a new manager begins. */
const NOT_HEARD_YET = [
  { node: 0, what: 'start', ticks: 0 },
  { node: 1, what: 'start', ticks: 0 },
  { node: 1, what: 'upgrade', ticks: 1 },
  { node: 0, what: 'stop', ticks: 0 },
  { node: 0, what: 'failover', ticks: 1 },
];

const steps = fc.array(
  fc.record({
    node: fc.nat(4),
    what: fc.constantFrom(
      'start',
      'start',
      'kill',
      'stop',
      'continue',
      'leave',
      'deaf',
      'hear',
      'upgrade',
      'failover',
      'wait',
    ),
    ticks: fc.nat(6),
  }),
  { maxLength: 50 },
);

function play(model: Model, all: readonly { node: number; what: string; ticks: number }[]): void {
  for (const { node: at, what, ticks } of all) {
    const node = model.nodes[at % model.nodes.length]!;
    if (what === 'start' && !node.isUp)
      Object.assign(node, {
        isUp: true,
        isStopped: false,
        isLeaving: false,
        isDeaf: false,
        incarnation: node.incarnation + 1,
        held: new Map(),
      });
    else if (what === 'kill') Object.assign(node, { isUp: false });
    else if (what === 'stop') node.isStopped = true;
    else if (what === 'continue') node.isStopped = false;
    else if (what === 'leave' && node.isUp) node.isLeaving = true;
    else if (what === 'deaf') node.isDeaf = true;
    else if (what === 'hear') node.isDeaf = false;
    else if (what === 'upgrade') node.level = 2;
    else if (what === 'failover') model.fail();
    for (let i = 0; i < ticks; i++) model.tick();
  }
}

describe('whatever nodes do', () => {
  it('each role has one owner at each epoch, epochs grow, and what is decided follows from the log alone', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const model = new Model(5);
        play(model, all);
        const owners = new Map<string, string>();
        for (const event of model.log) {
          if (event.type !== 'RoleAssigned') continue;
          const key = `${event.role}@${String(event.epoch)}`;
          expect(owners.has(key)).toBe(false);
          owners.set(key, event.node);
        }
        const again = newClusterState();
        for (const event of model.log) evolveCluster(again, event);
        expect(again).toEqual(model.state);
      }),
      { numRuns: 300 },
    );
  });

  it('in calm every role has a living owner, no kind is spread more unevenly than by one, and nothing moves any more', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const model = new Model(5);
        play(model, all);
        for (const node of model.nodes) {
          node.isDeaf = false;
          if (node.isStopped) Object.assign(node, { isStopped: false });
          if (node.isLeaving) Object.assign(node, { isUp: false });
        }
        const ticks = (2 * RELEASE_PATIENCE_MS + 3 * CALM_MS + 2 * NODE_SILENT_MS) / TICK_MS;
        for (let i = 0; i < ticks; i++) model.tick();
        expect(model.tick()).toEqual([]);
        const able = model.nodes.filter(({ isUp, level }) => isUp && level >= model.state.level);
        if (able.length === 0) return;
        const loads = new Map(able.map(({ name }) => [name, 0]));
        for (const role of ROLES) {
          const owner = model.state.roles.get(role)?.node ?? '';
          expect([role, loads.has(owner)]).toEqual([role, true]);
          if (role.startsWith('submitter')) loads.set(owner, (loads.get(owner) ?? 0) + 1);
        }
        expect(Math.max(...loads.values()) - Math.min(...loads.values())).toBeLessThanOrEqual(1);
      }),
      { numRuns: 300, examples: [[NOT_HEARD_YET]] },
    );
  });

  it('a node that comes or goes moves no more roles than balance asks for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.boolean(), (n, comes) => {
        const model = new Model(n + 1);
        for (let i = 0; i < n + (comes ? 0 : 1); i++)
          Object.assign(model.nodes[i]!, { isUp: true, incarnation: 1 });
        for (let i = 0; i < 40; i++) model.tick();
        const before = new Map([...model.state.roles].map(([role, { node }]) => [role, node]));
        const last = model.nodes[n]!;
        const lost = [...before].filter(([, node]) => node === last.name).length;
        Object.assign(last, comes ? { isUp: true, incarnation: 1 } : { isUp: false });
        for (let i = 0; i < 60; i++) model.tick();
        const moved = [...model.state.roles].filter(([role, { node }]) => before.get(role) !== node);
        if (comes) {
          expect(moved.every(([, { node }]) => node === last.name)).toBe(true);
          expect(moved.length).toBe(Math.floor(8 / (n + 1)));
        } else expect(moved.length).toBe(lost);
      }),
    );
  });
});
