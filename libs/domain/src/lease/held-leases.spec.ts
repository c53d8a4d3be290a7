import { asTaskId, asWorkerId } from '@yardmaster/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lease } from './cell-state.js';
import { HeldLeases } from './held-leases.js';
import { LEASE_TTL_MS } from './lease-ttl.js';

const lease = (fence: number): Lease => ({
  task: asTaskId(String(fence)),
  p: 0,
  tenant: 1,
  attempt: 1,
  fence,
  worker: asWorkerId('w'),
  spec: null,
  capMs: 1,
  ttlMs: LEASE_TTL_MS,
  grantedAt: 0,
  isOrphan: false,
  place: -1,
});

describe("a worker's leases", () => {
  it('are those that were added and not taken out, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(20)), { maxLength: 80 }), (steps) => {
        const all = Array.from({ length: 21 }, (_, fence) => lease(fence));
        const held = new HeldLeases();
        const expected = new Set<Lease>();
        for (const [isIn, n] of steps) {
          const one = all[n] ?? lease(n);
          if (!isIn) expect(held.delete(one)).toBe(expected.delete(one));
          else if (!expected.has(one)) {
            held.add(one);
            expected.add(one);
          }
          expect([held.size, new Set(held.all)]).toEqual([expected.size, expected]);
          for (const each of all) expect(held.has(each)).toBe(expected.has(each));
        }
      }),
    );
  });
});
