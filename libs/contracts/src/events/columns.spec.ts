import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack, unpack } from '../wire.js';
import { Column, openColumn, valueAt } from './columns.js';

const throughBytes = (values: readonly unknown[]): unknown[] => {
  const column = new Column();
  for (const value of values) column.add(value);
  const opened = openColumn((unpack(pack([column.packed])) as unknown[])[0], values.length);
  return values.map((_, i) => valueAt(opened, i));
};

describe('a column', () => {
  it('gives back the values of its rows, whatever they are', () => {
    const value = fc.oneof(
      fc.constantFrom<unknown>(null, 7, 'same', [], ['a'], [1, 2], { a: 1 }),
      fc.string({ unit: 'binary', minLength: 3, maxLength: 3 }),
      fc.integer(),
    );
    const values = fc.oneof(
      fc.array(value, { minLength: 1, maxLength: 30 }),
      fc.array(fc.string({ unit: 'binary-ascii', minLength: 4, maxLength: 4 }), {
        minLength: 1,
        maxLength: 30,
      }),
      fc.array(fc.string({ unit: 'binary', minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 30 }),
    );
    fc.assert(
      fc.property(values, (given) => {
        expect(throughBytes(given)).toEqual(given);
      }),
      { numRuns: 500 },
    );
  });

  it('with too few values is refused', () => {
    expect(() => openColumn(['a', 'b'], 3)).toThrow(RangeError);
    expect(() => openColumn(Buffer.from('abcd'), 3)).toThrow(RangeError);
  });
});
