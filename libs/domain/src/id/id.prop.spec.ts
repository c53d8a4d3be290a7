import { compareIds, isId } from '@yardmaster/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdMinter } from './id-minter.js';
import { ID_EPOCH_MS, ID_TIME_END_MS, idCounter, idGenerator, idPartition, idTime } from './layout.js';

const lease = fc.record({
  partition: fc.nat(63),
  generator: fc.nat(15),
  fromMs: fc.integer({ min: ID_EPOCH_MS + 1, max: ID_TIME_END_MS - 10_000 }),
});

describe('ids', () => {
  it('tell what they were made of', () => {
    fc.assert(
      fc.property(lease, fc.nat(9_000), fc.nat(4_095), (of, after, skipped) => {
        const minter = new IdMinter({ ...of, untilMs: ID_TIME_END_MS });
        const now = of.fromMs + after;
        for (let i = 0; i < skipped; i++) minter.mint(now);
        const id = minter.mint(now)!;
        expect(isId(id)).toBe(true);
        expect([idTime(id), idPartition(id), idGenerator(id), idCounter(id)]).toEqual([
          now,
          of.partition,
          of.generator,
          skipped,
        ]);
        const whole =
          (BigInt(now - ID_EPOCH_MS) << 22n) | BigInt((of.partition << 16) | (of.generator << 12) | skipped);
        expect(id).toBe(String(whole));
      }),
    );
  });

  it('only grow, whatever the clock does, and stay within the lease', () => {
    const clock = fc.array(fc.record({ shift: fc.integer({ min: -50, max: 50 }), n: fc.nat(3_000) }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(lease, clock, (of, steps) => {
        const untilMs = of.fromMs + 40;
        const minter = new IdMinter({ ...of, untilMs });
        let now = of.fromMs;
        let last = '0';
        for (const { shift, n } of steps) {
          now += shift;
          for (let i = 0; i < n; i++) {
            const id = minter.mint(now);
            if (id === null) break;
            if (compareIds(last, id) >= 0 || idTime(id) >= untilMs) expect.fail(`${id} after ${last}`);
            last = id;
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('of different leases never meet', () => {
    fc.assert(
      fc.property(lease, lease, (a, b) => {
        const isSame = a.partition === b.partition && a.generator === b.generator;
        // A successor of the same generator starts where the lease before it ended.
        const next = isSame ? { ...b, fromMs: a.fromMs + 3 } : { ...b, fromMs: a.fromMs };
        const ids = new Set<string>();
        let made = 0;
        for (const of of [
          { ...a, untilMs: a.fromMs + 3 },
          { ...next, untilMs: next.fromMs + 3 },
        ]) {
          const minter = new IdMinter(of);
          for (let id = minter.mint(0); id !== null; id = minter.mint(0)) {
            ids.add(id);
            made++;
          }
        }
        expect(made).toBe(2 * 3 * 4_096);
        expect(ids.size).toBe(made);
      }),
      { numRuns: 20 },
    );
  });
});
