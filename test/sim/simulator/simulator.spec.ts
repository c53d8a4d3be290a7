import { describe, expect, it } from 'vitest';
import { campaign } from './campaign.js';
import { simulate } from './simulate.js';
import { outcomeOf, report } from './tally.js';

/** The same ones every time; more are played by `npm run test:sim`. */
const SEEDS = 500;
const SECONDS = 240;

describe('a simulated cell', () => {
  it('has one history for each seed', async () => {
    const first = await simulate(1);
    const again = await simulate(1);
    const other = await simulate(2);
    expect([again.digest, again.trace]).toEqual([first.digest, first.trace]);
    expect(other.digest).not.toBe(first.digest);
  }, 60_000);

  it(
    `keeps every invariant whatever happens to it (${String(SEEDS)} seeds)`,
    async () => {
      const tally = await campaign({ firstSeed: 1, seeds: SEEDS, seconds: SECONDS }, [
        async (seed) => outcomeOf(await simulate(seed)),
      ]);
      process.stdout.write(`${[...tally.failed.map(report), tally.summary()].join('\n')}\n`);
      expect(tally.failed.map(({ seed, faults }) => `${String(seed)}: ${faults[0] ?? ''}`)).toEqual([]);
      // Runs in which too little happened prove nothing (I20).
      expect(tally.proved).toBe(SEEDS);
    },
    SECONDS * 1_000 + 60_000,
  );

  it('goes on after a seed that fails, and sums up all', async () => {
    const failed: number[] = [];
    const verdict = outcomeOf(await simulate(1));
    const tally = await campaign(
      { firstSeed: 1, seeds: 4, seconds: SECONDS },
      [1, 2].map(
        () => (seed: number) =>
          Promise.resolve({
            ...verdict,
            seed,
            faults: seed === 2 ? ['I1 lost'] : [],
            isVoid: seed === 3 ? 'nothing happened' : null,
          }),
      ),
      ({ seed }) => failed.push(seed),
    );
    expect(failed).toEqual([2]);
    expect([tally.proved, tally.failed.length, tally.empty]).toEqual([3, 1, 1]);
    expect(report(tally.failed[0]!)).toContain('npm run test:sim -- --seed 2');
  });
});
