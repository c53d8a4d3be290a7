import type { Verification } from '@yardmaster/contracts';

/** Runs whose result is kept. */
const KEPT = 20;

const BEGUN: Verification = {
  state: 'running',
  equal: null,
  events: 0,
  seconds: 0,
  parts: [],
  error: null,
};

/** What a verification found. `seconds`: left out, its whole time counts. */
export type Found = Pick<Verification, 'equal' | 'parts'> & Partial<Pick<Verification, 'seconds' | 'error'>>;

/** Verifications that operators asked for, by their names: one at a time, and what the last of them found. */
export class VerificationRuns {
  readonly #runs = new Map<string, Verification>();
  #underWay: string | null = null;

  get isUnderWay(): boolean {
    return this.#underWay !== null;
  }

  /** The state of that run, which is begun unless it is known or another is under way: then that one's. */
  ask(run: string, verify: (onEvents: (events: number) => void) => Promise<Found>): Verification {
    const known = this.#runs.get(run);
    if (known !== undefined) return known;
    if (this.#underWay !== null) return this.#runs.get(this.#underWay) ?? BEGUN;
    this.#runs.set(run, BEGUN);
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size <= KEPT) break;
      this.#runs.delete(oldest);
    }
    this.#underWay = run;
    void this.#carryOut(run, verify).finally(() => {
      this.#underWay = null;
    });
    return BEGUN;
  }

  async #carryOut(
    run: string,
    verify: (onEvents: (events: number) => void) => Promise<Found>,
  ): Promise<void> {
    const began = performance.now();
    let events = 0;
    const tell = (more: Partial<Verification>): void => {
      this.#runs.set(run, { ...BEGUN, events, seconds: (performance.now() - began) / 1_000, ...more });
    };
    try {
      const found = await verify((more) => {
        events += more;
        tell({});
      });
      tell({ state: 'done', ...found });
    } catch (error) {
      tell({ state: 'failed', error: (error as Error).message });
    }
  }
}
