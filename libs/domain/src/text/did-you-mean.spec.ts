import { describe, expect, it } from 'vitest';
import { didYouMean, editDistance } from './did-you-mean.js';

describe('did you mean', () => {
  it.each([
    ['regualr', 'regular'],
    ['premum', 'premium'],
    ['BASIC', 'basic'],
    ['regularr', 'regular'],
  ])('takes %s for %s', (word, meant) => {
    expect(didYouMean(word, ['basic', 'regular', 'premium'])).toBe(meant);
  });

  it('stays silent when nothing is near', () => {
    expect(didYouMean('enormous', ['basic', 'regular', 'premium'])).toBeNull();
    expect(didYouMean('', ['a'])).toBeNull();
    expect(didYouMean('x'.repeat(1_000_000), ['basic'])).toBeNull();
  });

  it('prefers the nearest, then the first', () => {
    expect(didYouMean('cpux', ['gpu', 'cpu'])).toBe('cpu');
    expect(didYouMean('bpu', ['gpu', 'cpu'])).toBe('gpu');
  });

  it('counts a swap of neighbours as one edit', () => {
    expect(editDistance('memroy', 'memory')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });
});
