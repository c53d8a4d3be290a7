import { describe, expect, it } from 'vitest';
import { Rounds } from './rounds.js';

describe('rounds', () => {
  it('go through everything, a page at a time, and begin again', () => {
    const all = new Set([1, 2, 3]);
    const rounds = new Rounds(() => all.values());
    expect([rounds.next(2), rounds.next(2), rounds.next(2)]).toEqual([[1, 2], [3], [1, 2]]);
  });

  it('meet what is added meanwhile, and pass over what is gone', () => {
    const all = new Set([1, 2, 3]);
    const rounds = new Rounds(() => all.values());
    rounds.next(1);
    all.delete(2);
    all.add(4);
    expect(rounds.next(5)).toEqual([3, 4]);
  });

  it('leave nothing out that is wanted, however little they look at a time', () => {
    const all = new Set(Array.from({ length: 20 }, (_, n) => n));
    const rounds = new Rounds(() => all.values());
    const seen = Array.from({ length: 8 }, () => rounds.next(2, (n) => n % 3 === 0, 5)).flat();
    expect(new Set(seen)).toEqual(new Set([0, 3, 6, 9, 12, 15, 18]));
  });

  it('have nothing where there is nothing, until there is', () => {
    const all = new Set<number>();
    const rounds = new Rounds(() => all.values());
    expect(rounds.next(5)).toEqual([]);
    all.add(1);
    expect(rounds.next(5)).toEqual([1]);
  });
});
