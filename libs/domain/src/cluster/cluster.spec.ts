import { rules } from '@yardmaster/testkit';
import { describe, expect, it } from 'vitest';
import type { ClusterEvent } from '../events/index.js';
import { evolveCluster, newClusterState } from './cluster-state.js';
import {
  CALM_MS,
  type ClusterSight,
  decideCluster,
  NODE_SILENT_MS,
  RELEASE_PATIENCE_MS,
  type SeenNode,
} from './cluster.decide.js';
import { levelOf, versionAt } from './feature-level.js';
import { decideRaise } from './raise-level.decide.js';

const given = rules<ReturnType<typeof newClusterState>, ClusterSight, ClusterEvent>({
  initial: newClusterState,
  evolve: evolveCluster,
  decide: (sight, state) => {
    const events = decideCluster(state, sight);
    return events.length === 0 ? { kind: 'ignored', reason: 'in order' } : { kind: 'accepted', events };
  },
});

const partitions = ['submitter/0', 'submitter/1', 'submitter/2'];
const seen = (node: string, more: Partial<SeenNode> = {}): SeenNode => ({
  node,
  incarnation: '1',
  service: 'submitter',
  level: 1,
  offers: partitions,
  held: {},
  outranked: {},
  isLeaving: false,
  silentMs: 0,
  ...more,
});
const sight = (nodes: readonly SeenNode[], more: Partial<ClusterSight> = {}): ClusterSight => ({
  nodes,
  listeningMs: 60_000,
  calmMs: 0,
  withdrawnMs: () => 0,
  ...more,
});
const joined = (node: string, incarnation = '1', offers = partitions): ClusterEvent => ({
  type: 'NodeJoined',
  node,
  incarnation,
  service: 'submitter',
  level: 1,
  offers,
});
const assigned = (role: string, node: string, epoch: number): ClusterEvent => ({
  type: 'RoleAssigned',
  role,
  node,
  epoch,
});
const withdrawn = (role: string, node: string, epoch: number): ClusterEvent => ({
  type: 'RoleWithdrawn',
  role,
  node,
  epoch,
});
const left = (node: string, why: 'silent' | 'stopped' = 'silent'): ClusterEvent => ({
  type: 'NodeLeft',
  node,
  incarnation: '1',
  why,
});
const settled = [
  joined('a'),
  joined('b'),
  assigned('submitter/0', 'a', 1),
  assigned('submitter/1', 'b', 1),
  assigned('submitter/2', 'a', 1),
];
const a = seen('a', { held: { 'submitter/0': 1, 'submitter/2': 1 } });
const b = seen('b', { held: { 'submitter/1': 1 } });

describe('the cluster manager', () => {
  it('takes in nodes and spreads the roles that they offer', () => {
    given()
      .when(sight([seen('b'), seen('a')]))
      .then(...settled);
  });

  it('leaves alone what is in order', () => {
    given(...settled)
      .when(sight([a, b], { calmMs: CALM_MS }))
      .ignored();
  });

  it('gives the roles of a node that fell silent to others, at a higher epoch', () => {
    given(...settled)
      .when(sight([{ ...a, silentMs: NODE_SILENT_MS }, b]))
      .then(left('a'), assigned('submitter/0', 'b', 2), assigned('submitter/2', 'b', 2));
  });

  it('waits for members that it has not heard yet, for as long as one may be silent', () => {
    given(...settled)
      .when(sight([b], { listeningMs: NODE_SILENT_MS - 1, calmMs: CALM_MS }))
      .ignored();
    given(...settled)
      .when(sight([b], { listeningMs: NODE_SILENT_MS }))
      .then(left('a'), assigned('submitter/0', 'b', 2), assigned('submitter/2', 'b', 2));
  });

  it('takes a new process of a known name for the death of the old one', () => {
    given(...settled)
      .when(sight([seen('a', { incarnation: '2' }), b]))
      .then(joined('a', '2'), assigned('submitter/0', 'a', 2), assigned('submitter/2', 'a', 2));
  });

  it('gives the roles of a leaving node away as it lets them go', () => {
    given(...settled)
      .when(sight([{ ...a, isLeaving: true, held: { 'submitter/0': 1 } }, b]))
      .then(assigned('submitter/2', 'b', 2));
    given(...settled)
      .when(sight([{ ...a, isLeaving: true, held: {} }, b]))
      .then(left('a', 'stopped'), assigned('submitter/0', 'b', 2), assigned('submitter/2', 'b', 2));
  });

  it('spreads roles anew when a node has come and it is calm, and moves no more than it must', () => {
    const alone = [joined('a'), ...partitions.map((role) => assigned(role, 'a', 1))];
    const full = seen('a', { held: { 'submitter/0': 1, 'submitter/1': 1, 'submitter/2': 1 } });
    given(...alone, joined('b'))
      .when(sight([full, seen('b')], { calmMs: CALM_MS - 1 }))
      .ignored();
    given(...alone, joined('b'))
      .when(sight([full, seen('b')], { calmMs: CALM_MS }))
      .then(withdrawn('submitter/2', 'a', 1));
  });

  it('gives a withdrawn role to another when it was let go, or when that takes too long', () => {
    const history = [...settled, withdrawn('submitter/2', 'a', 1)];
    given(...history)
      .when(sight([a, b], { calmMs: CALM_MS, withdrawnMs: () => RELEASE_PATIENCE_MS - 1 }))
      .ignored();
    given(...history)
      .when(sight([{ ...a, held: { 'submitter/0': 1 } }, b]))
      .then(assigned('submitter/2', 'a', 2));
    given(...history)
      .when(sight([a, b], { withdrawnMs: () => RELEASE_PATIENCE_MS }))
      .then(assigned('submitter/2', 'a', 2));
  });

  it('assigns above every epoch that anybody knows of', () => {
    given(...settled)
      .when(sight([{ ...a, outranked: { 'submitter/0': 7 } }, b]))
      .then(assigned('submitter/0', 'a', 8));
    given(joined('b'))
      .when(sight([seen('b', { offers: ['limits'], outranked: { limits: 41 } })]))
      .then(assigned('limits', 'b', 42));
  });

  it('raises no level by itself, and gives nothing to a node below it', () => {
    given(joined('a'), joined('b'))
      .when(sight([seen('a', { level: 2, offers: [] }), seen('b', { level: 2, offers: [] })]))
      .ignored();
    given(joined('a'), { type: 'FeatureLevelRaised', level: 2 })
      .when(sight([seen('a', { level: 1 })]))
      .ignored();
  });
});

describe('a raise of the level', () => {
  const raise = (nodes: readonly SeenNode[], ...history: readonly ClusterEvent[]): unknown => {
    const state = newClusterState();
    for (const event of history) evolveCluster(state, event);
    const decided = decideRaise(state, sight(nodes), 3);
    return decided.kind === 'accepted' ? decided.event.level : decided.kind;
  };

  it('goes to the highest that every node can work at', () => {
    const both = [joined('a'), joined('b')];
    expect(raise([seen('a', { level: 3 }), seen('b', { level: 2 })], ...both)).toBe(2);
    expect(raise([seen('a', { level: 9 }), seen('b', { level: 9 })], ...both)).toBe(3);
    const raised: ClusterEvent = { type: 'FeatureLevelRaised', level: 3 };
    expect(raise([seen('a', { level: 3 }), seen('b', { level: 3 })], ...both, raised)).toBe('ignored');
  });

  it('is refused while one cannot, or was not heard of late', () => {
    const both = [joined('a'), joined('b')];
    expect(raise([seen('a', { level: 2 }), seen('b', { level: 1 })], ...both)).toBe('rejected');
    expect(raise([seen('a', { level: 2 })], ...both)).toBe('rejected');
    expect(raise([seen('a', { level: 2 }), seen('b', { level: 2, silentMs: NODE_SILENT_MS })], ...both)).toBe(
      'rejected',
    );
    // It is on its way out, and its name may come back with another program.
    expect(raise([seen('a', { level: 2 }), seen('b', { level: 1, isLeaving: true })], ...both)).toBe(2);
  });
});

describe('what is written at a level', () => {
  const writes = { 1: {}, 2: { TaskSubmitted: 2, WorkerDraining: 1 }, 3: { TaskSubmitted: 4 } };
  it('is the version that came with it or one before; nothing of what comes later', () => {
    expect([1, 2, 3, 4].map((level) => versionAt(level, 'TaskSubmitted', writes))).toEqual([1, 2, 4, 4]);
    expect([1, 2, 3].map((level) => versionAt(level, 'WorkerDraining', writes))).toEqual([0, 1, 1]);
    expect([1, 3].map((level) => versionAt(level, 'TaskSucceeded', writes))).toEqual([1, 1]);
  });
});

describe('the level of a node', () => {
  const writes = { 1: {}, 2: { TaskSubmitted: 2 }, 3: { LeaseEnded: 4 } };
  it('is what it claims, as far as it reads what is written there', () => {
    expect(levelOf(3, { TaskSubmitted: 2, LeaseEnded: 4 }, writes)).toBe(3);
    expect(levelOf(1, { TaskSubmitted: 2, LeaseEnded: 4 }, writes)).toBe(1);
    expect(levelOf(3, { TaskSubmitted: 1, LeaseEnded: 4 }, writes)).toBe(1);
    expect(levelOf(9, { TaskSubmitted: 2, LeaseEnded: 9 }, writes)).toBe(3);
  });
});
