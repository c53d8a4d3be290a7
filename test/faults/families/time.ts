import { setTimeout as pause } from 'node:timers/promises';
import type { Fault, Scene, Strike } from '../fault.js';
import { counter } from './looks.js';

const HOUR_MS = 3_600_000;
const ALONE = { clocks: ['yard'] };
const APART = { clocks: ['resource-manager-1', 'resource-manager-2', 'queue-manager-1', 'queue-manager-2'] };

export const TIME_FAULTS: readonly Fault[] = [
  clockFault(
    'clock-an-hour-back',
    'alone',
    'the wall clock of the yard is set back by an hour for 8 s',
    [-HOUR_MS],
    ALONE,
  ),
  clockFault(
    'clock-an-hour-ahead',
    'alone',
    'the wall clock of the yard is set ahead by an hour for 8 s, and back',
    [HOUR_MS],
    ALONE,
  ),
  clockFault(
    'clock-to-and-fro',
    'alone',
    'the wall clock of the yard jumps by up to 5 minutes to and fro, twice a second',
    [
      300_000, -240_000, 60_000, -1_000, 7_000, -300_000, 120_000, -90_000, 1_000, 0, 300_000, -300_000,
      45_000, -5, 5, -60_000,
    ],
    ALONE,
  ),
  clockFault(
    'clocks-of-owners-apart',
    'apart',
    'the clocks of the resource and queue managers are 10 minutes ahead, then 10 behind',
    [600_000, -600_000],
    APART,
  ),
  clockFault(
    'clock-a-year-ahead',
    'alone',
    'the wall clock of the yard is set ahead by a year for 8 s, and back',
    [365 * 24 * HOUR_MS],
    {
      clocks: ['yard'],
      own: 'a-year',
    },
  ),
];

function clockFault(
  name: string,
  on: Fault['on'],
  what: string,
  offs: readonly number[],
  needs: NonNullable<Fault['needs']>,
): Fault {
  return {
    name,
    family: 'time',
    of: '76',
    what,
    on,
    needs,
    holdMs: 0,
    strike: (scene) => shift(scene, offs),
  };
}

async function shift({ yard, load }: Scene, offs: readonly number[]): Promise<Strike> {
  const lost = await counter(yard, 'yard_leases_lost_total');
  const accepted = load.accepted;
  for (const off of offs) {
    for (const clock of yard.clocks.values()) clock.set(off);
    await pause(offs.length > 4 ? 500 : 8_000 / offs.length);
  }
  const meanwhile = load.accepted - accepted;
  return {
    heal: async () => {
      for (const clock of yard.clocks.values()) clock.set(0);
    },
    proof: async () => {
      const more = (await counter(yard, 'yard_leases_lost_total')) - lost;
      return {
        hit: meanwhile > 0,
        seen: `${String(meanwhile)} were accepted meanwhile; ${String(more)} leases were lost`,
        wrong: more > 0 ? [`76 ${String(more)} leases expired early`] : [],
      };
    },
  };
}
