import { describe, expect, it } from 'vitest';
import { dedupe, sortTopologically } from './topological.js';

const sort = (parents: readonly (readonly number[])[]) =>
  sortTopologically(parents.length, (i) => parents[i]!);

describe('topological order', () => {
  it('keeps the given order within a rank', () => {
    expect(sort([[], [0], [], [1, 2], []])).toEqual({
      ok: true,
      value: { order: [0, 2, 4, 1, 3], rank: [0, 1, 0, 2, 0] },
    });
    expect(sort([])).toEqual({ ok: true, value: { order: [], rank: [] } });
  });

  it('ranks by the longest path', () => {
    expect(sort([[1, 3], [2], [3], []])).toMatchObject({
      value: { rank: [3, 2, 1, 0], order: [3, 2, 1, 0] },
    });
  });

  it('counts an edge that is named twice once', () => {
    expect(sort([[], [0, 0, 0]])).toMatchObject({ value: { order: [0, 1] } });
    expect(dedupe([3, 1, 3, 2, 1])).toEqual([3, 1, 2]);
  });

  it('takes a self-edge for a cycle of one', () => {
    expect(sort([[], [0, 1]])).toEqual({ ok: false, error: { cycle: [1, 1] } });
  });

  it('tells the path of a cycle, parent before child, and nothing beside it', () => {
    expect(sort([[], [0, 3], [1], [2], [3], [4]])).toEqual({ ok: false, error: { cycle: [1, 2, 3, 1] } });
    expect(sort([[5], [0, 3], [1], [2], [3], [4]])).toMatchObject({ ok: false });
  });

  it('takes a chain 100,000 deep and a million edges', () => {
    const deep = sortTopologically(100_000, (i) => (i === 0 ? [] : [i - 1]));
    expect(deep.ok && deep.value.rank[99_999]).toBe(99_999);
    const reversed = sortTopologically(100_000, (i) => (i === 99_999 ? [] : [i + 1]));
    expect(reversed.ok && reversed.value.order[0]).toBe(99_999);
    const wide = sortTopologically(100_000, (i) =>
      i < 1_000 ? [] : Array.from({ length: 10 }, (_, k) => i - 1_000 + k * 7),
    );
    expect(wide.ok).toBe(true);
    const round = sortTopologically(100_000, (i) => [(i + 99_999) % 100_000]);
    expect(!round.ok && round.error.cycle.length).toBe(100_001);
  });
});
