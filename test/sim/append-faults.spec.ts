import type { PublishFault } from '@yardmaster/eventlog-memory';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Run, SCENARIOS, type Scenario } from './crash-scenarios.js';
import { faultsOf, faultsOfEnds } from '../checkers/index.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** The host drops everything and begins again from the log, by itself. */
async function recovered(run: Run): Promise<void> {
  for (let i = 0; i < 10 && run.world.said.at(-1)?.startsWith('active') !== true; i++) {
    vi.advanceTimersByTime(1_000);
    await run.world.quiet(10);
  }
  expect(run.world.said.at(-1)).toMatch(/^active/);
}

/** Plays the scenario with one publish that goes wrong; false when there was no such publish. */
async function playWith(
  scenario: Scenario,
  fault: PublishFault,
  nth: number,
): Promise<{ hit: boolean; faults: string[] }> {
  const run = new Run({});
  try {
    await run.start();
    let n = nth;
    let hit = false;
    run.world.log.onPublish = () => {
      if (n-- !== 0) return undefined;
      hit = true;
      return fault;
    };
    for (const action of scenario.actions) {
      action(run);
      await run.world.quiet(15);
      await recovered(run);
    }
    for (let i = 0; i < 8; i++) {
      run.worker.finish('ok');
      run.worker.heartbeat();
      run.worker.resend();
      await run.world.pass(2_500, 15);
      await recovered(run);
    }
    if (!hit) return { hit, faults: [] };
    const restarts = run.world.said.filter((said) => said.startsWith('failed')).length;
    const faults = [
      ...run.faults,
      ...faultsOfEnds(run.world, run.acknowledged, true),
      ...faultsOf(run.world, { isDrained: true }),
    ];
    if (fault === 'lose-answer' && restarts > 0) faults.push('a lost answer made the host begin again');
    if (fault !== 'lose-answer' && restarts === 0) faults.push('the host went on after a failed append');
    return { hit, faults };
  } finally {
    run.stop();
  }
}

describe.each<PublishFault>(['lose-answer', 'refuse', 'unresolved-stored', 'unresolved-dropped'])(
  'an append whose fate is %s',
  (fault) => {
    it.each(SCENARIOS.slice(0, 3))(
      'wherever it strikes, loses nothing and ends nothing twice: $name',
      async (scenario) => {
        const failed: string[] = [];
        let nth = 0;
        for (; ; nth++) {
          const { hit, faults } = await playWith(scenario, fault, nth);
          if (!hit) break;
          if (faults.length > 0) failed.push(`publish ${String(nth)}: ${faults.slice(0, 4).join('; ')}`);
        }
        expect(failed).toEqual([]);
        expect(nth).toBeGreaterThan(5);
      },
      60_000,
    );
  },
);
