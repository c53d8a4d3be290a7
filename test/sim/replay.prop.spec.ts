import { BatcherRole } from '@yardmaster/batcher';
import type { Envelope } from '@yardmaster/contracts';
import { QueueRole } from '@yardmaster/queue-manager';
import { ResourcesRole } from '@yardmaster/resource-manager';
import { type Role, RoleRunner } from '@yardmaster/service-kit';
import { IdSource, SubmitterRole } from '@yardmaster/submitter';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { History, outcomes, step } from './history.js';
import { differences, dumpRoles } from './state-dump.js';
import type { World } from './world.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Histories in which nothing is lost on the way to the disk: there each envelope's causes can be read. */
const calm = step.filter(
  ({ do: what }) =>
    what !== 'crash' && what !== 'crash-one' && what !== 'fault' && what !== 'hold' && what !== 'let',
);

const untraced = {
  submitted: () => undefined,
  assignment: () => null,
  attemptEnded: () => undefined,
  ended: () => undefined,
};
const nothing = {
  staleReports: () => undefined,
  adoptedReports: () => undefined,
  leasesLost: () => undefined,
  badFrame: () => undefined,
};

/** Roles that know nothing yet. */
function fresh({ partitions, bus, clock }: World): Role[] {
  return [
    ...Array.from(
      { length: partitions },
      (_, p) =>
        new SubmitterRole(p, new IdSource(bus, p, 'n'), untraced, { get: () => Promise.resolve(null) }),
    ),
    new BatcherRole(partitions),
    new QueueRole(partitions),
    new ResourcesRole(clock, nothing),
  ];
}

/** All envelopes in one of the orders that keep each stream's own and put causes first. */
function someOrder(world: World, choose: (n: number) => number): Envelope[] {
  const tracks = world.streams.map((stream) => ({ stream, rest: [...world.disk(stream)] }));
  const at = new Map<string, number>();
  const order: Envelope[] = [];
  for (;;) {
    const free = tracks.filter(
      ({ rest }) => rest[0]?.causes.every(([stream, seq]) => (at.get(stream) ?? 0) >= seq) === true,
    );
    const chosen = free[choose(free.length)];
    const next = chosen?.rest.shift();
    if (chosen === undefined || next === undefined) return order;
    at.set(chosen.stream, next.seq);
    order.push(next);
  }
}

describe('what roles know', () => {
  it('is the same from every order of the log that keeps causes, however often an envelope is told', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(calm, { minLength: 5, maxLength: 30 }),
        outcomes,
        fc.infiniteStream(fc.nat(1_000)),
        async (steps, ends, random) => {
          const history = new History({}, ends);
          const { world } = history;
          const choose = (n: number): number => (n === 0 ? 0 : (random.next().value as number) % n);
          try {
            await history.start();
            for (const one of steps) await history.take(one);
            await world.quiet(20);
            const live = dumpRoles(world.roles);
            const roles = fresh(world);
            const runners = roles.map((role) => new RoleRunner(role));
            const told: Envelope[] = [];
            const total = world.streams.reduce((sum, stream) => sum + world.disk(stream).length, 0);
            const order = someOrder(world, choose);
            expect(order).toHaveLength(total);
            for (const envelope of order) {
              told.push(envelope);
              for (const runner of runners) {
                if (runner.role.stream === envelope.stream) runner.apply(envelope);
                else if (runner.follows(envelope.stream)) {
                  runner.offer(envelope, 0);
                  const again = told[choose(told.length)];
                  if (again !== undefined && runner.follows(again.stream)) runner.offer(again, 0);
                }
              }
            }
            const { limits: _, ...known } = live;
            expect(differences(known, dumpRoles(roles)).filter((path) => !isPassing(path))).toEqual([]);
            compared += total;
          } finally {
            world.stop();
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(compared).toBeGreaterThan(500);
  }, 60_000);
});

/** A push on its way is known to the batcher alone. */
const isPassing = (path: string): boolean => path.startsWith('/batcher/main/') && path.includes('pushed');
