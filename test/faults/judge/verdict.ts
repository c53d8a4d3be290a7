/** What became of one run. `void` = the fault did not hit, or too little happened to prove anything. */
export type Outcome = 'green' | 'failed' | 'void' | 'skipped';

export interface Verdict {
  readonly fault: string;
  readonly seed: number;
  readonly outcome: Outcome;
  /** What was seen of the fault, or why it was skipped or void. */
  readonly seen: string;
  readonly faults: readonly string[];
  readonly figures: Figures;
  readonly harm: Harm;
}

/** Of this run alone. */
export interface Figures {
  readonly events: number;
  readonly tasks: number;
  readonly takeovers: number;
  /** Longest time without an acceptance from the strike on, ms. */
  readonly gapMs: number;
  readonly seconds: number;
}

export const NOTHING: Figures = { events: 0, tasks: 0, takeovers: 0, gapMs: 0, seconds: 0 };

/** What must never be, counted over everything that the judge found. */
export interface Harm {
  /** Tasks that were acknowledged and are not there, or never ended. */
  readonly lost: number;
  /** Tasks that ended twice, and attempts that began twice. */
  readonly doubled: number;
  /** Reports that counted though somebody else held the lease. */
  readonly fenced: number;
}

export const NO_HARM: Harm = { lost: 0, doubled: 0, fenced: 0 };

/** Counts what sentences of the checkers say. */
export function harmOf(faults: readonly string[]): Harm {
  const count = (pattern: RegExp): number => faults.filter((fault) => pattern.test(fault)).length;
  const doubled = /^(?:I1|I2) .* (?:ended|began) \d+ times/;
  const I1 = count(/^I1 /);
  const twice = faults.filter((fault) => doubled.test(fault));
  return {
    lost: I1 - twice.filter((fault) => fault.startsWith('I1 ')).length,
    doubled: twice.length,
    fenced: count(/^I3 /),
  };
}

export function sumOfHarm(all: readonly Harm[]): Harm {
  const sum = (which: keyof Harm): number => all.reduce((total, harm) => total + harm[which], 0);
  return { lost: sum('lost'), doubled: sum('doubled'), fenced: sum('fenced') };
}
