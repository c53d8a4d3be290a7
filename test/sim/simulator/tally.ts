import { CrashPoints } from './crash-points.js';
import type { Verdict } from './simulate.js';

/** What one seed came to, as it travels between processes. */
export interface Outcome extends Omit<Verdict, 'points' | 'trace' | 'digest'> {
  /** Pairs of publishes that stood next to each other, and those among them at which a process was killed. */
  readonly seen: readonly string[];
  readonly covered: readonly string[];
}

export function outcomeOf({ points, trace: _trace, digest: _digest, ...rest }: Verdict): Outcome {
  return { ...rest, seen: [...points.seen], covered: [...points.covered] };
}

/** Sums up what the seeds of a campaign came to. */
export class Tally {
  readonly failed: Outcome[] = [];
  readonly #points = new CrashPoints();
  readonly #landed = new Map<string, number>();
  readonly #upkeep = { looks: 0, purged: 0, crashes: 0, resumed: 0 };
  #tasks = 0;
  proved = 0;
  /** Seeds in which too little happened (I20). */
  empty = 0;

  /** Seeds that proved something, one way or the other. */
  get counted(): number {
    return this.proved + this.failed.length;
  }

  add(outcome: Outcome): void {
    const { seen, covered, upkeep, landed, faults, isVoid, tasks } = outcome;
    this.#points.add({ seen: new Set(seen), covered: new Set(covered) });
    this.#tasks += tasks;
    for (const what of ['looks', 'purged', 'crashes', 'resumed'] as const) this.#upkeep[what] += upkeep[what];
    for (const [kind, n] of Object.entries(landed)) this.#landed.set(kind, (this.#landed.get(kind) ?? 0) + n);
    if (faults.length > 0) this.failed.push(outcome);
    else if (isVoid !== null) this.empty++;
    else this.proved++;
  }

  summary(): string {
    const struck = [...this.#landed].map(([kind, n]) => `${kind} ${String(n)}`).join(', ');
    const { looks, crashes, purged, resumed } = this.#upkeep;
    const { seen, covered } = this.#points;
    return [
      `${String(this.proved)} seeds held, ${String(this.failed.length)} failed, ${String(this.empty)} void; ${String(this.#tasks)} tasks`,
      `faults that struck: ${struck}`,
      `upkeep: ${String(looks)} looks, ${String(crashes)} of them killed, ${String(purged)} messages purged, ${String(resumed)} roles went on from snapshots`,
      `crash points covered: ${String(covered.size)} of the ${String(seen.size)} pairs of publishes that stood next to each other`,
    ].join('\n');
  }
}

/** What to read of a failure, and the one command that plays it again. */
export function report({ seed, faults }: Pick<Outcome, 'seed' | 'faults'>): string {
  const more = faults.length > 5 ? `\n  and ${String(faults.length - 5)} more` : '';
  return `seed ${String(seed)} failed:\n  ${faults.slice(0, 5).join('\n  ')}${more}\n  again: npm run test:sim -- --seed ${String(seed)}`;
}
