import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAmount, parseResources } from './parse.js';
import { addInto, dominantShare, firstMisfit, fits, subtractFrom, TIERS } from './vector.js';

const problem = (input: unknown): string => {
  const read = parseResources(input);
  return read.ok
    ? `read as ${JSON.stringify(read.value)}`
    : read.error.map((e) => `${e.path}|${e.message}`).join('; ');
};

describe('resources', () => {
  it('are read from the name of a tier', () => {
    expect(parseResources('regular')).toEqual({
      ok: true,
      value: { cpu: 1_000, memory: 2e9, disk: 5e9, iops: 500 },
    });
  });

  it.each([
    [{ cpu: '2' }, { cpu: 2_000 }],
    [{ cpu: 2 }, { cpu: 2_000 }],
    [{ cpu: '500m' }, { cpu: 500 }],
    [{ cpu: 0.1 }, { cpu: 100 }],
    [{ memory: '4G' }, { memory: 4e9 }],
    [{ memory: '512Mi' }, { memory: 536_870_912 }],
    [{ memory: '512MB' }, { memory: 512e6 }],
    [{ memory: '1.5GiB' }, { memory: 1_610_612_736 }],
    [{ memory: 1_024 }, { memory: 1_024 }],
    [
      { network: '100M', ports: 1, gpu: 0.5, iops: '500' },
      { iops: 500, network: 100e6, ports: 1, gpu: 500 },
    ],
    [{ network: '1Gbit' }, { network: 1e9 }],
    [{ 'licence.matlab': 2 }, { 'licence.matlab': 2 }],
    [
      { zebra: 1, apple: 1, cpu: 1 },
      { cpu: 1_000, apple: 1, zebra: 1 },
    ],
    [{ cpu: 0, memory: '1G' }, { memory: 1e9 }],
    [{}, {}],
  ])('reads %j', (input, vector) => {
    const read = parseResources(input);
    expect(read).toEqual({ ok: true, value: vector });
    if (read.ok) expect(Object.keys(read.value)).toEqual(Object.keys(vector));
  });

  it.each([
    [{ cpu: -1 }, /^cpu\|.*negative.*"500m"/],
    [{ cpu: NaN }, /not a number/],
    [{ cpu: Infinity }, /too large/],
    [{ cpu: '0.0001' }, /thousandth/],
    [{ memory: '-4G' }, /negative/],
    [{ memory: '4 gigs' }, /^memory\|.*"512Mi"/],
    [{ memory: '4g' }, /not an amount/],
    [{ memory: null }, /null is not an amount/],
    [{ network: '100MB' }, /bits per second/],
    [{ ports: 1.5 }, /not whole/],
    [{ iops: '1k' }, /whole number/],
    [{ gpu: [1] }, /object is not an amount/],
    [{ cpus: 2 }, /^cpus\|.*did you mean "cpu"/],
    [{ memroy: '2G' }, /did you mean "memory"/],
    [{ RAM: '2G' }, /did you mean "memory"/],
    [{ 'Big Thing': 1 }, /cannot name a resource/],
    [{ constructor: 1 }, /cannot name a resource/],
    [JSON.parse('{"__proto__": 5}'), /cannot name a resource/],
    ['regualr', /did you mean "regular"/],
    ['enormous', /tiers are basic, regular, premium/],
    ['toString', /no tier/],
    [['cpu'], /tier/],
    [null, /tier/],
    [4, /tier/],
  ])('refuses %j with a message that teaches', (input, message) => {
    expect(problem(input)).toMatch(message);
  });

  it('tells all problems at once', () => {
    expect(parseResources({ cpu: -1, memory: 'x' })).toMatchObject({
      error: [{ path: 'cpu' }, { path: 'memory' }],
    });
  });

  it('never throw, whatever is given', () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        const read = parseResources(input);
        if (read.ok)
          for (const amount of Object.values(read.value))
            expect(Number.isSafeInteger(amount) && amount > 0).toBe(true);
      }),
    );
  });

  it('are shown in the units that people read', () => {
    expect([
      formatAmount('cpu', 500),
      formatAmount('memory', 512e6),
      formatAmount('network', 1e8),
      formatAmount('iops', 7),
    ]).toEqual(['0.5', '512MB', '100Mbit', '7']);
  });
});

describe('a demand', () => {
  it('fits where every dimension is there', () => {
    expect(fits(TIERS.basic, { cpu: 500, memory: 512e6, disk: 1e9, iops: 100 })).toBe(true);
    expect(fits(TIERS.basic, { cpu: 499, memory: 512e6, disk: 1e9, iops: 100 })).toBe(false);
    expect(fits({}, {})).toBe(true);
    expect(fits({ gpu: 1 }, {})).toBe(false);
    expect(fits({ gpu: 0 }, {})).toBe(true);
    expect(fits({ gpu: 1 }, { gpu: NaN })).toBe(false);
  });

  it('names the first dimension that is not there', () => {
    expect(firstMisfit({ cpu: 1, memory: 5, gpu: 1 }, { cpu: 1, memory: 4 })).toBe('memory');
    expect(firstMisfit({ cpu: 1 }, { cpu: 1 })).toBeNull();
  });

  it('has the share of the dimension it takes most of, leaving out what is not there', () => {
    expect(dominantShare({ cpu: 1, memory: 3, gpu: 1 }, { cpu: 4, memory: 4, gpu: 0 })).toBe(0.75);
    expect(dominantShare({}, {})).toBe(0);
  });

  it('leaves exactly what was free once it is given back', () => {
    const amounts = fc.dictionary(fc.constantFrom('cpu', 'memory', 'gpu', 'licence'), fc.nat(1e12));
    fc.assert(
      fc.property(amounts, fc.array(amounts), (start, demands) => {
        const free = { cpu: 0, memory: 0, gpu: 0, licence: 0, ...start };
        const before = { ...free };
        for (const demand of demands) subtractFrom(free, demand);
        for (const demand of demands) addInto(free, demand);
        expect(free).toEqual(before);
      }),
    );
  });
});
