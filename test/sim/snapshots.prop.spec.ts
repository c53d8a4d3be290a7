import type { Outcome } from '@yardmaster/domain';
import { MemorySnapshotStore } from '@yardmaster/testkit';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { History, outcomes, step, type Step } from './history.js';
import { foldedRoles, snapshotterOf } from './snapshots.js';
import { differences, dumpRoles } from './state-dump.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An own envelope reaches the disk while what it rests on is still under way. */
const WRITTEN_BEFORE_ITS_CAUSE: [Step[], Outcome[], number[], 'proposed', number] = [
  [
    { do: 'hold' },
    { do: 'submit', p: 0, parents: [[]], spec: 0, dueInMs: null, as: 'lone' },
    { do: 'pass', ms: 100 },
    { do: 'finish', worker: 0, outcome: 'ok' },
    { do: 'let', n: 1, stream: 0 },
    { do: 'pass', ms: 100 },
    { do: 'let', n: 1, stream: 4 },
    { do: 'hold' },
    { do: 'pass', ms: 100 },
  ],
  ['ok'],
  Array<number>(30).fill(0),
  'proposed',
  0,
];

describe('a snapshot and what came after it', () => {
  it('are the same as the whole log, for every role, whatever happened', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 8, maxLength: 30 }),
        outcomes,
        fc.array(fc.nat(9), { minLength: 30, maxLength: 30 }),
        fc.constantFrom('proposed' as const, 'committed' as const),
        fc.constantFrom<number>(0, 3_000),
        async (steps, ends, when, handOver, settledMs) => {
          const history = new History({ handOver }, ends);
          const { world } = history;
          const store = new MemorySnapshotStore();
          try {
            await history.start();
            for (const [i, one] of steps.entries()) {
              await history.take(one);
              // Also while others write, and while the log stands still.
              if ((when[i] ?? 9) < 3) await snapshotterOf(world, store, [], { settledMs }).runOnce();
            }
            await snapshotterOf(world, store, [], { settledMs }).runOnce();
            // Something comes after the last one.
            if (world.log.inFlight().length > 0) world.log.release();
            await history.drain();
            const ignored: string[] = [];
            const whole = await foldedRoles(world, null);
            const quick = await foldedRoles(world, store, ignored);
            // One that its owner did not follow is passed over, never used.
            expect(
              ignored.filter((why) => !why.includes('which its owner had not when it wrote on')),
            ).toEqual([]);
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
      { numRuns: 150, examples: [WRITTEN_BEFORE_ITS_CAUSE] },
    );
    expect(compared).toBeGreaterThan(200);
  }, 240_000);
});
