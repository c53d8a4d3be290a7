import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CopyRows } from './copy-rows.js';

/** The one field that was written, without its length. */
function field(write: (rows: CopyRows) => void): Buffer {
  const rows = new CopyRows();
  write(rows);
  const bytes = Buffer.from(rows.take());
  expect(bytes.readInt32BE(0)).toBe(bytes.length - 4);
  return bytes.subarray(4);
}

describe('rows for COPY', () => {
  it('hold every id of 63 bits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (id) => {
        expect(
          field((rows) => {
            rows.id(id.toString());
          }).readBigInt64BE(),
        ).toBe(id);
      }),
      { numRuns: 2_000 },
    );
  });

  it('hold whole numbers up to 2^53, negative ones too', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(
          field((rows) => {
            rows.int8(value);
          }).readBigInt64BE(),
        ).toBe(BigInt(value));
      }),
    );
  });

  it('hold times as microseconds since 2000, whatever they were told', () => {
    const at = (ms: number): bigint =>
      field((rows) => {
        rows.time(ms);
      }).readBigInt64BE();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8.64e15 }), (ms) => {
        expect(at(ms)).toBe((BigInt(ms) - 946_684_800_000n) * 1_000n);
      }),
    );
    expect(at(-5)).toBe(at(0));
    expect(at(Number.NaN)).toBe(at(0));
    expect(at(9e15)).toBe(at(8.64e15));
  });

  it('hold texts as UTF-8 that Postgres takes, short and long', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const clean = text.toWellFormed().replaceAll('\0', '\uFFFD');
        expect(
          field((rows) => {
            rows.text(text);
          }).toString(),
        ).toBe(clean);
      }),
    );
  });

  it('grow with what is written, and are empty once it is taken', () => {
    const rows = new CopyRows();
    const long = 'ä'.repeat(100_000);
    rows.text('a');
    rows.text(long);
    rows.int4(7);
    const bytes = rows.take();
    expect(bytes.length).toBe(5 + 4 + 200_000 + 8);
    expect(bytes.subarray(9, 9 + 200_000).toString()).toBe(long);
    expect(bytes.readInt32BE(bytes.length - 4)).toBe(7);
    expect(rows.size).toBe(0);
  });

  it('take the nearest number where one does not fit', () => {
    const int4 = (value: number): number =>
      field((rows) => {
        rows.int4(value);
      }).readInt32BE();
    expect([int4(2 ** 40), int4(-(2 ** 40)), int4(1.6)]).toEqual([2 ** 31 - 1, -(2 ** 31) + 1, 2]);
  });
});
