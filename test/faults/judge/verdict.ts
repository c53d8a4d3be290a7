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
