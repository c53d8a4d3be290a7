import { describe, expect, it } from 'vitest';
import { until } from '../testing/until.js';
import { ArchiverDuty } from './archiver-duty.js';

/** A duty whose runs end as told, one after the other, and then well. */
function dutyOf(...ends: readonly (Error | number)[]): {
  duty: ArchiverDuty;
  runs: () => number;
  behind: number[];
  failures: [string, boolean][];
} {
  let runs = 0;
  const behind: number[] = [];
  const failures: [string, boolean][] = [];
  const duty = new ArchiverDuty({
    log: { arrived: 0 },
    archiver: {
      runOnce: () => {
        const end = ends[runs++] ?? 0;
        return end instanceof Error ? Promise.reject(end) : Promise.resolve({ copied: 1, behind: end });
      },
    },
    onBehind: (messages) => {
      behind.push(messages);
    },
    onFailure: (error, isHalted) => {
      failures.push([error.message, isHalted]);
    },
    lookMs: 1,
  });
  return { duty, runs: () => runs, behind, failures };
}

describe('the archiver', () => {
  it('looks again and again, and says how far behind it is, until it is stopped', async () => {
    const { duty, runs, behind } = dutyOf(7, 3);
    duty.start();
    duty.start();
    await until(() => runs() >= 4);
    await duty.stop();
    const after = runs();
    expect(behind.slice(0, 3)).toEqual([7, 3, 0]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs()).toBe(after);
  });

  it('tries again after what passes', async () => {
    const { duty, runs, failures } = dutyOf(new Error('the disk is full'));
    duty.start();
    await until(() => runs() >= 2);
    await duty.stop();
    expect(failures).toEqual([['the disk is full', false]]);
  });

  it.each(['archive-damaged', 'broken-chain', 'log-gap'])(
    'halts at %s, which only a person can mend',
    async (code) => {
      const { duty, runs, failures } = dutyOf(Object.assign(new Error('look'), { code }));
      duty.start();
      await until(() => failures.length > 0);
      await duty.stop();
      expect([failures, runs()]).toEqual([[['look', true]], 1]);
    },
  );
});
