import { MemorySnapshotStore } from '@yardmaster/testkit';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { History, outcomes, step } from './history.js';
import { foldedRoles, snapshotterOf } from './snapshots.js';
import { differences, dumpRoles } from './state-dump.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a snapshot and what came after it', () => {
  it('are the same as the whole log, for every role, whatever happened', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 8, maxLength: 30 }),
        outcomes,
        fc.array(fc.nat(9), { minLength: 30, maxLength: 30 }),
        fc.constantFrom('proposed' as const, 'committed' as const),
        async (steps, ends, when, handOver) => {
          const history = new History({ handOver }, ends);
          const { world } = history;
          const store = new MemorySnapshotStore();
          try {
            await history.start();
            for (const [i, one] of steps.entries()) {
              await history.take(one);
              // Also while others write, and while the log stands still.
              if ((when[i] ?? 9) < 3) await snapshotterOf(world, store).runOnce();
            }
            await snapshotterOf(world, store).runOnce();
            // Something comes after the last one.
            if (world.log.inFlight().length > 0) world.log.release();
            await history.drain();
            const ignored: string[] = [];
            const whole = await foldedRoles(world, null);
            const quick = await foldedRoles(world, store, ignored);
            expect(ignored).toEqual([]);
            expect(differences(dumpRoles(whole.roles), dumpRoles(quick.roles))).toEqual([]);
            expect(quick.runners.map((r) => [r.role.name, r.positions(), r.epoch, r.owner])).toEqual(
              whole.runners.map((r) => [r.role.name, r.positions(), r.epoch, r.owner]),
            );
            for (const [i, role] of whole.roles.entries())
              if (role.follows.length === 0)
                expect([...(quick.roles[i]?.snapshot?.rows(0) ?? [])]).toEqual([
                  ...(role.snapshot?.rows(0) ?? []),
                ]);
            compared += quick.resumed;
          } finally {
            world.stop();
          }
        },
      ),
      { numRuns: 150 },
    );
    expect(compared).toBeGreaterThan(200);
  }, 240_000);
});
