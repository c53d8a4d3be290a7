import { describe, expect, it } from 'vitest';
import { readCredit } from './read-credit.js';

describe('credit from the bus', () => {
  it('is taken as the resource manager says it, also as it said it before workers were counted together', () => {
    const credit = {
      exec: [{ total: { cpu: 4 }, tenant: null, workers: 3 }],
      'handler:a': [{ total: { slots: 1 }, tenant: 7 }],
    };
    expect(readCredit(credit)).toBe(credit);
    expect(readCredit({})).toEqual({});
  });

  it.each([
    [null],
    [undefined],
    [7],
    ['x'],
    [[5]],
    [{ exec: 5 }],
    [{ exec: [5] }],
    [{ exec: [null] }],
    [{ exec: [{ total: null, tenant: null }] }],
    [{ exec: [{ total: { cpu: 'x' }, tenant: null }] }],
    [{ exec: [{ total: {}, tenant: 'x' }] }],
    [{ exec: [{ total: {}, tenant: null, workers: 'x' }] }],
  ])('is refused where it is none: %j', (value) => {
    expect(() => readCredit(value)).toThrow(TypeError);
  });
});
