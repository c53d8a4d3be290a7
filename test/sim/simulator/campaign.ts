import { CrashPoints } from './crash-points.js';
import { simulate, type Verdict } from './simulate.js';

export interface CampaignPlan {
  readonly firstSeed: number;
  /** Seeds that have to prove something; one that is void is followed by another. */
  readonly seeds: number;
  readonly seconds: number;
}

export interface CampaignResult {
  readonly proved: number;
  readonly failed: readonly Verdict[];
  readonly summary: string;
}

/** More void runs than one in so many: then the simulator does not do what it says. */
const VOID_SHARE = 10;

/** Plays one seed after the other, and sums up what they covered. */
export async function campaign({ firstSeed, seeds, seconds }: CampaignPlan): Promise<CampaignResult> {
  const until = performance.now() + seconds * 1_000;
  const points = new CrashPoints();
  const landed = new Map<string, number>();
  const failed: Verdict[] = [];
  let proved = 0;
  let empty = 0;
  let tasks = 0;
  const upkeep = { looks: 0, purged: 0, crashes: 0, resumed: 0 };
  let seed = firstSeed;
  while (
    proved + failed.length < seeds &&
    empty <= Math.max(2, seeds / VOID_SHARE) &&
    performance.now() < until
  ) {
    const verdict = await simulate(seed++);
    points.add(verdict.points);
    tasks += verdict.tasks;
    for (const what of ['looks', 'purged', 'crashes', 'resumed'] as const)
      upkeep[what] += verdict.upkeep[what];
    for (const [kind, n] of Object.entries(verdict.landed)) landed.set(kind, (landed.get(kind) ?? 0) + n);
    if (verdict.faults.length > 0) failed.push(verdict);
    else if (verdict.isVoid !== null) empty++;
    else proved++;
  }
  const struck = [...landed].map(([kind, n]) => `${kind} ${String(n)}`).join(', ');
  return {
    proved,
    failed,
    summary: [
      `seeds ${String(firstSeed)}-${String(seed - 1)}: ${String(proved)} held, ${String(failed.length)} failed, ${String(empty)} void; ${String(tasks)} tasks`,
      `faults that struck: ${struck}`,
      `upkeep: ${String(upkeep.looks)} looks, ${String(upkeep.crashes)} of them killed, ${String(upkeep.purged)} messages purged, ${String(upkeep.resumed)} roles went on from snapshots`,
      `crash points covered: ${String(points.covered.size)} of the ${String(points.seen.size)} pairs of publishes that stood next to each other`,
    ].join('\n'),
  };
}

/** What to read of a failure, and the one command that plays it again. */
export function report({ seed, faults }: Verdict): string {
  const more = faults.length > 5 ? `\n  and ${String(faults.length - 5)} more` : '';
  return `seed ${String(seed)} failed:\n  ${faults.slice(0, 5).join('\n  ')}${more}\n  again: npm run test:sim -- --seed ${String(seed)}`;
}
