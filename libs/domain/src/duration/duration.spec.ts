import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, LONGEST_MS, parseDuration } from './duration.js';

describe('a duration', () => {
  it.each([
    ['90s', 90_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['1.5s', 1_500],
    ['7d', 604_800_000],
    ['1m250ms', 60_250],
    ['0s', 0],
    [' 5m ', 300_000],
    ['PT5M', 300_000],
    ['P1DT2H', 93_600_000],
    ['P2W', 1_209_600_000],
    ['PT0.5S', 500],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toEqual({ ok: true, value: ms });
  });

  it.each([
    5,
    '5',
    '-5m',
    '',
    '5 minutes',
    'm',
    '30m1h',
    '1h1h',
    'P',
    'PT',
    'P1DT',
    'P1M',
    'P1Y',
    '1e3s',
    'NaN',
    null,
    undefined,
    {},
    '1..5s',
    '.5s',
    `${'9'.repeat(63)}s`,
    '9'.repeat(200),
  ])('refuses %j and says which forms are allowed', (input) => {
    const read = parseDuration(input);
    expect(read.ok).toBe(false);
    if (!read.ok) expect(read.error).toMatch(/1h30m|36500d/);
  });

  it('tells why years and months are not read', () => {
    expect(parseDuration('P1Y')).toMatchObject({
      error: expect.stringContaining('no fixed length') as unknown,
    });
    expect(parseDuration('P1M')).toMatchObject({
      error: expect.stringContaining('no fixed length') as unknown,
    });
  });

  it('is written in the short form', () => {
    expect([0, 250, 1_500, 90_000, 5_400_000, 604_800_000, Infinity].map(formatDuration)).toEqual([
      '0s',
      '250ms',
      '1.5s',
      '1m30s',
      '1h30m',
      '7d',
      'forever',
    ]);
  });

  it('comes back the same after it was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LONGEST_MS }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toEqual({ ok: true, value: ms });
      }),
    );
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        parseDuration(input);
      }),
    );
  });
});
