import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sortTopologically } from './topological.js';

const graph = fc
  .integer({ min: 1, max: 30 })
  .chain((count) =>
    fc.array(fc.array(fc.nat(count - 1), { maxLength: 4 }), { minLength: count, maxLength: count }),
  );
const acyclic = graph.map((parents) => parents.map((of, i) => of.filter((p) => p < i)));

describe('topological order', () => {
  it('puts parents before children, every node once, and ranks them one above the highest parent', () => {
    fc.assert(
      fc.property(acyclic, fc.infiniteStream(fc.nat()), (parents, keys) => {
        // Shuffled, so that the given order does not happen to be one already.
        const shuffled = parents.map((_, i) => i);
        const key = shuffled.map(() => keys.next().value as number);
        shuffled.sort((a, b) => key[a]! - key[b]!);
        const nameOf = new Map(shuffled.map((old, now) => [old, now]));
        const renamed = shuffled.map((old) => parents[old]!.map((p) => nameOf.get(p)!));
        const sorted = sortTopologically(renamed.length, (i) => renamed[i]!);
        expect(sorted.ok).toBe(true);
        if (!sorted.ok) return;
        const { order, rank } = sorted.value;
        expect([...order].sort((a, b) => a - b)).toEqual(renamed.map((_, i) => i));
        const at = new Map(order.map((node, place) => [node, place]));
        renamed.forEach((of, i) => {
          for (const p of of) expect(at.get(p)!).toBeLessThan(at.get(i)!);
          expect(rank[i]).toBe(of.length === 0 ? 0 : 1 + Math.max(...of.map((p) => rank[p]!)));
        });
      }),
    );
  });

  it('finds a cycle exactly when there is one, and it is real', () => {
    fc.assert(
      fc.property(graph, (parents) => {
        const sorted = sortTopologically(parents.length, (i) => parents[i]!);
        expect(sorted.ok).toBe(!hasCycle(parents));
        if (sorted.ok) return;
        const { cycle } = sorted.error;
        expect(cycle.length).toBeGreaterThan(1);
        expect(cycle[0]).toBe(cycle.at(-1));
        expect(new Set(cycle).size).toBe(cycle.length - 1);
        for (let i = 1; i < cycle.length; i++) expect(parents[cycle[i]!]).toContain(cycle[i - 1]);
      }),
    );
  });
});

function hasCycle(parents: readonly (readonly number[])[]): boolean {
  const reach = parents.map((of) => new Set(of));
  for (let k = 0; k < parents.length; k++) {
    for (const up of reach) if (up.has(k)) for (const p of reach[k]!) up.add(p);
  }
  return reach.some((up, i) => up.has(i));
}
