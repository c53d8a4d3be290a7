import { err, invariant, ok, type Result } from '@yardmaster/kernel';

export interface TopologicalOrder {
  /** Every index once, parents before children: by rank, then as given. */
  readonly order: number[];
  /** Length of the longest path from a root, by index. */
  readonly rank: number[];
}

export interface Cycle {
  /** Indices along the cycle, each a parent of the next; the first is repeated at the end. */
  readonly cycle: number[];
}

/** The same parents, each once, in the order of their first mention. */
export function dedupe<T>(parents: readonly T[]): T[] {
  return [...new Set(parents)];
}

/** Orders a graph of `count` nodes in time linear in nodes and edges, without recursion. A parent
 * named twice changes nothing. */
export function sortTopologically(
  count: number,
  parentsOf: (index: number) => readonly number[],
): Result<TopologicalOrder, Cycle> {
  const edges = readEdges(count, parentsOf);
  if ('cycle' in edges) return err(edges);
  const { parents, firstParent } = edges;
  const children = childrenOf(count, edges);

  const open = new Int32Array(count);
  const rank = new Array<number>(count).fill(0);
  const reached = new Int32Array(count);
  let known = 0;
  for (let i = 0; i < count; i++) {
    open[i] = firstParent[i + 1]! - firstParent[i]!;
    if (open[i] === 0) reached[known++] = i;
  }
  for (let at = 0; at < known; at++) {
    const parent = reached[at]!;
    const next = rank[parent]! + 1;
    for (let e = children.first[parent]!; e < children.first[parent + 1]!; e++) {
      const child = children.list[e]!;
      if (rank[child]! < next) rank[child] = next;
      open[child]!--;
      if (open[child] === 0) reached[known++] = child;
    }
  }
  if (known < count) return err({ cycle: findCycle(open, parents, firstParent) });
  return ok({ order: byRank(rank), rank });
}

interface Edges {
  readonly parents: readonly number[];
  /** Parents of i are at firstParent[i] .. firstParent[i + 1] - 1. */
  readonly firstParent: Int32Array;
}

function readEdges(count: number, parentsOf: (index: number) => readonly number[]): Edges | Cycle {
  const parents: number[] = [];
  const firstParent = new Int32Array(count + 1);
  for (let i = 0; i < count; i++) {
    for (const parent of parentsOf(i)) {
      invariant(Number.isInteger(parent) && parent >= 0 && parent < count, `no node ${parent} in the graph`);
      if (parent === i) return { cycle: [i, i] };
      parents.push(parent);
    }
    firstParent[i + 1] = parents.length;
  }
  return { parents, firstParent };
}

function childrenOf(count: number, { parents, firstParent }: Edges): { first: Int32Array; list: Int32Array } {
  const first = new Int32Array(count + 1);
  for (const parent of parents) first[parent + 1]!++;
  for (let i = 0; i < count; i++) first[i + 1]! += first[i]!;
  const list = new Int32Array(parents.length);
  const next = first.slice();
  for (let i = 0; i < count; i++) {
    for (let e = firstParent[i]!; e < firstParent[i + 1]!; e++) list[next[parents[e]!]!++] = i;
  }
  return { first, list };
}

/** A node that was never reached has an unreached parent, so walking up must come round. */
function findCycle(open: Int32Array, parents: readonly number[], firstParent: Int32Array): number[] {
  const stepOf = new Int32Array(open.length).fill(-1);
  const walk: number[] = [];
  let at = open.findIndex((left) => left > 0);
  while (stepOf[at] === -1) {
    stepOf[at] = walk.length;
    walk.push(at);
    let e = firstParent[at]!;
    while (open[parents[e]!] === 0) e++;
    at = parents[e]!;
  }
  const cycle = walk.slice(stepOf[at]).reverse();
  let smallest = 0;
  for (let i = 1; i < cycle.length; i++) if (cycle[i]! < cycle[smallest]!) smallest = i;
  return [...cycle.slice(smallest), ...cycle.slice(0, smallest), cycle[smallest]!];
}

function byRank(rank: readonly number[]): number[] {
  let highest = 0;
  for (const r of rank) if (r > highest) highest = r;
  const next = new Int32Array(highest + 2);
  for (const r of rank) next[r + 1]!++;
  for (let r = 0; r <= highest; r++) next[r + 1]! += next[r]!;
  const order = new Array<number>(rank.length);
  for (let i = 0; i < rank.length; i++) order[next[rank[i]!]!++] = i;
  return order;
}
