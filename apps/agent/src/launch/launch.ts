/** What to start; nothing in it is ever read by a shell. */
export interface LaunchSpec {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** Added to the clean environment that every attempt gets. */
  readonly env: readonly (readonly [name: string, value: string])[];
}

export interface LaunchEvents {
  /** The process group exists; `pid` leads it. */
  onStarted(pid: number): void;
  onOutput(stream: 'stdout' | 'stderr', chunk: Buffer): void;
}

/** How the first process of an attempt ended. */
export interface ProcessEnd {
  /** Exit code; null when a signal ended it or it never started. */
  readonly code: number | null;
  readonly signal: number | null;
  /** User and system time of it and of what it waited for; null when unknown. */
  readonly cpuMs: number | null;
  /** Why nothing was started, or why nobody knows how it ended. */
  readonly failure: string | null;
  /** Its output is at its end: nobody holds it open any more. */
  readonly isQuiet: boolean;
  /** How long it ran, where that is not until it was heard of. */
  readonly wallMs?: number;
}

/** Runs one attempt at a time. */
export interface Slot {
  run(spec: LaunchSpec, events: LaunchEvents): Promise<ProcessEnd>;
  /** From here on output is passed on as it comes; before, at the end or when a look is due. */
  attach(): void;
  /** What runs is being ended: should this agent be killed meanwhile, the next one does not go on with it. */
  condemn(): void;
  /** Gives up on the run: its end is never going to be heard of. What it started is for others to end. */
  abort(): void;
  /** False when it must not be used again. */
  readonly isUsable: boolean;
  close(): void;
}
