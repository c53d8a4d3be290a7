import { setTimeout as pause } from 'node:timers/promises';
import type { Fault, Scene, Strike } from '../fault.js';

const LASTS_MS = 30 * 60_000;
const HOLD_MS = 3_000;
/** Those that start everything anew, or that watch one owner for so long that a second fault would only be in their way. */
const NOT_IN_PAIRS = new Set(['restart-one-after-the-other', 'kill-everything', 'kill-every-service']);

/** Faults of `all`, drawn at random, two at a time, for half an hour. */
export function twoAtATime(all: readonly Fault[]): Fault {
  const drawn = all.filter(
    ({ name, on, needs, missing }) =>
      on === 'apart' && needs === undefined && missing === undefined && !NOT_IN_PAIRS.has(name),
  );
  return {
    name: 'two-at-a-time',
    family: 'load',
    of: '84',
    what: `any two of ${String(drawn.length)} faults at once, again and again for 30 minutes`,
    on: 'apart',
    needs: { own: 'two-at-a-time' },
    isLong: true,
    holdMs: 0,
    overlaps: 'one of the faults may let attempts go on by themselves',
    strike: (scene) => strikeInPairs(scene, drawn),
  };
}

async function strikeInPairs(scene: Scene, drawn: readonly Fault[]): Promise<Strike> {
  const until = performance.now() + LASTS_MS;
  const wrong: string[] = [];
  let [pairs, hits] = [0, 0];
  while (performance.now() < until) {
    const pair = [scene.random.pick(drawn), scene.random.pick(drawn)];
    // What a second fault makes impossible for the first, as to find an owner, is no fault of the yard.
    const strikes = await settled(pair.map((fault) => () => fault.strike(scene)));
    await pause(Math.max(...pair.map(({ holdMs = HOLD_MS }) => holdMs)));
    await settled(
      strikes.map(
        ({ heal }) =>
          async () =>
            heal?.(),
      ),
    );
    await scene.yard.whole();
    for (const proof of await settled(strikes.map((strike) => () => strike.proof()))) {
      if (proof.hit) hits++;
      wrong.push(...(proof.wrong ?? []));
    }
    pairs++;
    console.log(`  ${pair.map(({ name }) => name).join(' and ')}; ${String(wrong.length)} wrong so far`);
  }
  return {
    proof: async () => ({
      hit: pairs > 20,
      seen: `${String(pairs)} pairs, ${String(hits)} of their faults did hit`,
      wrong,
    }),
  };
}

async function settled<T>(all: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results = await Promise.allSettled(all.map((one) => one()));
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}
