import { setTimeout as sleep } from 'node:timers/promises';
import type { ProjectionState } from '@yardmaster/contracts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

export interface ProjectionStatus {
  readonly state: ProjectionState;
  /** Why it waits or halted. */
  readonly error: string | null;
}

export interface KeepGoing {
  /** One connection's worth of work: returns when `stop` is aborted, throws when it can't go on. Calls `running` when it is under way. */
  readonly session: (stop: AbortSignal, running: () => void) => Promise<void>;
  /** True for failures that only a person can mend. */
  readonly isHalting: (error: unknown) => boolean;
  readonly onStatus: (status: ProjectionStatus, cause: unknown) => void;
}

/** Runs sessions one after the other until stopped: what is lost with a connection is read again from the log. */
export async function keepGoing(
  { session, isHalting, onStatus }: KeepGoing,
  stop: AbortSignal,
): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  onStatus({ state: 'starting', error: null }, null);
  while (!stop.aborted) {
    try {
      await session(stop, () => {
        pause = FIRST_PAUSE_MS;
        onStatus({ state: 'running', error: null }, null);
      });
    } catch (error) {
      if (stop.aborted) break;
      const halts = isHalting(error);
      onStatus({ state: halts ? 'halted' : 'waiting', error: (error as Error).message }, error);
      if (halts) return;
      await sleep(pause, undefined, { signal: stop }).catch(() => undefined);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }
  onStatus({ state: 'stopped', error: null }, null);
}
