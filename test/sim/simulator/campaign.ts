import { Tally, type Outcome } from './tally.js';

export interface CampaignPlan {
  readonly firstSeed: number;
  /** Seeds that have to prove something; one that is void is followed by another. */
  readonly seeds: number;
  readonly seconds: number;
}

/** More void runs than one in so many: then the simulator does not do what it says. */
const VOID_SHARE = 10;

/**
 * Hands out one seed after the other to `players`, each of which plays one at a time, and sums up what they covered. A seed that
 * fails is told at once and ends nothing.
 */
export async function campaign(
  { firstSeed, seeds, seconds }: CampaignPlan,
  players: readonly ((seed: number) => Promise<Outcome>)[],
  onFailed: (outcome: Outcome) => void = () => undefined,
): Promise<Tally> {
  const until = performance.now() + seconds * 1_000;
  const tally = new Tally();
  let seed = firstSeed;
  let playing = 0;
  const isOver = (): boolean =>
    tally.counted + playing >= seeds ||
    tally.empty > Math.max(2, seeds / VOID_SHARE) ||
    performance.now() >= until;
  await Promise.all(
    players.map(async (play) => {
      // The last to finish makes up for seeds that turned out void.
      while (!isOver()) {
        playing++;
        const outcome = await play(seed++);
        playing--;
        tally.add(outcome);
        if (outcome.faults.length > 0) onFailed(outcome);
      }
    }),
  );
  return tally;
}
