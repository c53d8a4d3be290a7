import { isId } from '@yardmaster/kernel';
import { describe, expect, it } from 'vitest';
import { IdMinter } from './id-minter.js';
import {
  ID_EPOCH_MS,
  ID_TIME_END_MS,
  idCounter,
  idGenerator,
  idPartition,
  idTime,
  IDS_PER_MS,
} from './layout.js';

const T = Date.UTC(2026, 10, 21);
const minter = (untilMs = T + 10): IdMinter =>
  new IdMinter({ partition: 5, generator: 3, fromMs: T, untilMs });

describe('an id', () => {
  it('is laid out as 41 bits ms, 6 partition, 4 generator, 12 counter', () => {
    const id = minter().mint(T + 2)!;
    expect(BigInt(id)).toBe((BigInt(T + 2 - ID_EPOCH_MS) << 22n) | (5n << 16n) | (3n << 12n));
    expect([idTime(id), idPartition(id), idGenerator(id), idCounter(id)]).toEqual([T + 2, 5, 3, 0]);
  });

  it('fits 63 bits to the end of its time', () => {
    const last = new IdMinter({
      partition: 63,
      generator: 15,
      fromMs: ID_TIME_END_MS - 1,
      untilMs: ID_TIME_END_MS,
    });
    let id = '';
    for (let next = last.mint(0); next !== null; next = last.mint(0)) id = next;
    expect(id).toBe('9223372036854775807');
    expect([idTime(id), idPartition(id), idGenerator(id), idCounter(id)]).toEqual([
      ID_TIME_END_MS - 1,
      63,
      15,
      4_095,
    ]);
    expect(isId(id)).toBe(true);
  });

  it('has no leading zero in the first ms of all', () => {
    const first = new IdMinter({
      partition: 63,
      generator: 15,
      fromMs: ID_EPOCH_MS + 1,
      untilMs: ID_EPOCH_MS + 4,
    });
    for (let id = first.mint(0); id !== null; id = first.mint(0)) expect(isId(id)).toBe(true);
  });
});

describe('a minter', () => {
  it('counts on over a round number', () => {
    const firstOf = (ms: number): bigint => (BigInt(ms - ID_EPOCH_MS) << 22n) | (5n << 16n) | (3n << 12n);
    let ms = T;
    while (firstOf(ms) % 10_000_000n < 9_996_000n) ms++;
    const ids = minter(ms + 1);
    for (let i = 0n; i < BigInt(IDS_PER_MS); i++) expect(ids.mint(ms)).toBe(String(firstOf(ms) + i));
    expect(ids.mint(ms)).toBeNull();
  });

  it('goes on to the next ms when one is used up', () => {
    const ids = minter();
    const made = Array.from({ length: IDS_PER_MS + 1 }, () => ids.mint(T)!);
    expect(idTime(made[IDS_PER_MS - 1]!)).toBe(T);
    expect([idTime(made[IDS_PER_MS]!), idCounter(made[IDS_PER_MS]!)]).toEqual([T + 1, 0]);
  });

  it('does not go back with the clock, nor before its lease', () => {
    const ids = minter();
    expect(idTime(ids.mint(T - 5_000)!)).toBe(T);
    expect(idTime(ids.mint(T + 5)!)).toBe(T + 5);
    const next = ids.mint(T + 1)!;
    expect([idTime(next), idCounter(next)]).toEqual([T + 5, 1]);
  });

  it('makes none beyond its lease until that is extended', () => {
    const ids = minter(T + 2);
    expect(ids.mint(T + 2)).toBeNull();
    expect(ids.mint(T + 1)).not.toBeNull();
    ids.extend(T + 1);
    expect(ids.untilMs).toBe(T + 2);
    ids.extend(T + 3);
    expect(idTime(ids.mint(T + 2)!)).toBe(T + 2);
    for (let i = 1; i < IDS_PER_MS; i++) ids.mint(T + 2);
    expect(ids.mint(T + 2)).toBeNull();
    expect(ids.atMs).toBe(T + 2);
  });
});
