import type { GraphBatch, GraphNode, GraphStore, GraphWriter } from '@yardmaster/ports';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

export type Graph = GraphStore & GraphWriter;

const node = (id: string, more: Partial<GraphNode> = {}): GraphNode => ({
  id,
  tenant: 1,
  workflow: '9',
  key: `k${id}`,
  name: `task ${id}`,
  rank: 0,
  state: 'ready',
  dueAt: null,
  ...more,
});
const edge = (from: string, to: string): GraphBatch['edges'][number] => ({ from, to, kind: 'afterOk' });
const batch = (from: number, seq: number, more: Partial<GraphBatch> = {}): GraphBatch => ({
  stream: 'tasks-0',
  from,
  to: { seq, hash: `h${String(seq)}` },
  tasks: [],
  mentioned: [],
  edges: [],
  states: [],
  ...more,
});

/** 101 and 102 are needed by 103, which 104 needs. */
const DIAMOND = batch(0, 1, {
  tasks: [
    node('101'),
    node('102'),
    node('103', { rank: 1, state: 'blocked' }),
    node('104', { rank: 2, state: 'blocked', dueAt: 1_800_000_000_000 }),
  ],
  edges: [edge('101', '103'), edge('102', '103'), edge('103', '104')],
});

/** What every graph promises. `open` is called once; the graph is cleared before each test. */
export function describeGraph(name: string, open: () => Promise<Graph>): void {
  describe(`${name} as a graph`, () => {
    let graph: Graph;
    const ids = async (found: ReturnType<GraphStore['upstream']>): Promise<string[]> =>
      (await found).tasks.map(({ id }) => id);

    beforeAll(async () => {
      graph = await open();
      await graph.prepare();
      await graph.prepare();
    });
    beforeEach(async () => {
      await graph.clear();
    });
    afterAll(async () => {
      await graph.close();
    });

    it('tells a workflow with its edges, by rank', async () => {
      expect(await graph.workflow('9')).toBeNull();
      expect(await graph.write(DIAMOND)).toBe(true);
      const { dueAt, ...last } = DIAMOND.tasks[3]!;
      const told = await graph.workflow('9');
      expect(told?.tasks.map(({ id, rank }) => [id, rank])).toEqual([
        ['101', 0],
        ['102', 0],
        ['103', 1],
        ['104', 2],
      ]);
      expect(told?.tasks[3]).toEqual(last);
      expect(dueAt).not.toBeNull();
      expect(told?.edges).toEqual(DIAMOND.edges);
      expect(await graph.workflow('8')).toBeNull();
    });

    it('finds what a task depends on and what depends on it, as far as asked', async () => {
      await graph.write(DIAMOND);
      expect(await ids(graph.upstream('104', 10))).toEqual(['101', '102', '103', '104']);
      expect(await ids(graph.upstream('104', 1))).toEqual(['103', '104']);
      expect(await ids(graph.upstream('104', 0))).toEqual(['104']);
      expect(await ids(graph.downstream('101', 10))).toEqual(['101', '103', '104']);
      expect((await graph.downstream('101', 10)).edges).toEqual([edge('101', '103'), edge('103', '104')]);
      expect(await graph.upstream('777', 3)).toEqual({ tasks: [], edges: [] });
    });

    it('changes states, and leaves alone what it does not know', async () => {
      await graph.write(DIAMOND);
      await graph.write(
        batch(1, 2, {
          states: [
            { id: '101', state: 'succeeded' },
            { id: '777', state: 'failed' },
          ],
        }),
      );
      expect((await graph.workflow('9'))?.tasks.map(({ state }) => state)).toEqual([
        'succeeded',
        'ready',
        'blocked',
        'blocked',
      ]);
      expect(await ids(graph.upstream('777', 1))).toEqual([]);
      expect([...(await graph.openTasks(['succeeded']))].sort((a, b) => a.id.localeCompare(b.id))).toEqual([
        { id: '102', state: 'ready', dueAt: null },
        { id: '103', state: 'blocked', dueAt: null },
        { id: '104', state: 'blocked', dueAt: 1_800_000_000_000 },
      ]);
    });

    it('makes a task that is only mentioned once, and does not touch one that is there', async () => {
      await graph.write(DIAMOND);
      const lone = node('50', { workflow: null, key: null, name: '' });
      await graph.write(
        batch(1, 2, {
          tasks: [node('105', { workflow: null })],
          mentioned: [lone, node('101', { name: '' })],
          edges: [edge('50', '105'), edge('101', '105')],
        }),
      );
      await graph.write(
        batch(2, 3, {
          tasks: [node('106', { workflow: null })],
          mentioned: [{ ...lone, state: 'other' }],
          edges: [edge('50', '106')],
        }),
      );
      expect((await graph.upstream('105', 1)).tasks.map(({ id, name, state }) => [id, name, state])).toEqual([
        ['50', '', 'ready'],
        ['101', 'task 101', 'ready'],
        ['105', 'task 105', 'ready'],
      ]);
      expect(await ids(graph.downstream('50', 1))).toEqual(['50', '105', '106']);
    });

    it('moves a position only from where the batch starts, and changes nothing otherwise', async () => {
      expect(await graph.positions()).toEqual({});
      await graph.write(DIAMOND);
      const before = await graph.multisetHash();
      expect(await graph.write(DIAMOND)).toBe(false);
      expect(await graph.write(batch(2, 3, { states: [{ id: '101', state: 'failed' }] }))).toBe(false);
      expect(await graph.multisetHash()).toBe(before);
      expect(await graph.write({ ...batch(0, 7), stream: 'tasks-1' })).toBe(true);
      expect(await graph.positions()).toEqual({
        'tasks-0': { seq: 1, hash: 'h1' },
        'tasks-1': { seq: 7, hash: 'h7' },
      });
    });

    it('has the same hash for the same graph, however it was written', async () => {
      await graph.write(DIAMOND);
      const whole = await graph.multisetHash();
      await graph.clear();
      const empty = await graph.multisetHash();
      await graph.write(batch(0, 1, { tasks: DIAMOND.tasks.toReversed(), edges: DIAMOND.edges.slice(1) }));
      expect(new Set([whole, empty, await graph.multisetHash()]).size).toBe(3);
      await graph.write(batch(1, 2, { edges: DIAMOND.edges.slice(0, 1) }));
      expect(await graph.multisetHash()).toBe(whole);
      await graph.write(batch(2, 3, { states: [{ id: '101', state: 'failed' }] }));
      expect(await graph.multisetHash()).not.toBe(whole);
    });

    it('reaches each task once where very many paths lead to it', async () => {
      const layers = 40;
      const id = (layer: number, i: number): string => String(1_000 + layer * 10 + i);
      const tasks = Array.from({ length: layers }, (_, layer) =>
        [0, 1, 2].map((i) => node(id(layer, i), { rank: layer })),
      ).flat();
      const edges = Array.from({ length: layers - 1 }, (_, layer) =>
        [0, 1, 2].flatMap((i) => [0, 1, 2].map((j) => edge(id(layer, i), id(layer + 1, j)))),
      ).flat();
      await graph.write(batch(0, 1, { tasks, edges }));
      expect(await ids(graph.upstream(id(layers - 1, 0), 1_000))).toHaveLength(3 * (layers - 1) + 1);
      expect((await graph.downstream(id(0, 0), 1_000)).tasks).toHaveLength(3 * (layers - 1) + 1);
    });
  });
}
