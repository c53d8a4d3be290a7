import { readFileSync } from 'node:fs';
import type { RunNote } from '../../checkers/index.js';

/** One execution as whoever ran it wrote it down. */
export interface Execution {
  readonly task: string;
  readonly attempt: number;
  readonly fence: number;
  /** Process that ran it. */
  readonly by: string;
  readonly from: number;
  /** null: it was cut off, or goes on. */
  until: number | null;
  hasFinished: boolean;
}

/**
 * Lines `begin|end|cut TASK ATTEMPT FENCE PROCESS MS`, appended by handlers and scripts themselves; ms since boot, a clock
 * that all processes of the machine share. A line torn by a crash is left out.
 */
export function executionsIn(file: string): Execution[] {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  const found = new Map<string, Execution>();
  for (const line of text.split('\n')) {
    const [what, task = '', attempt, fence, by = '', ms] = line.split(' ');
    if (ms === undefined || ms === '') continue;
    const key = `${task} ${String(attempt)} ${String(fence)} ${by}`;
    if (what === 'begin')
      found.set(key, {
        task,
        attempt: Number(attempt),
        fence: Number(fence),
        by,
        from: Number(ms),
        until: null,
        hasFinished: false,
      });
    else {
      const one = found.get(key);
      if (one === undefined) continue;
      one.until = Number(ms);
      one.hasFinished = what === 'end';
    }
  }
  return [...found.values()];
}

/** For the checkers: one that was cut off without a word is taken to have ended where it began. */
export function runNotes(executions: readonly Execution[]): RunNote[] {
  return executions.map(({ task, attempt, fence, by, from, until }) => ({
    worker: by,
    task,
    attempt,
    fence,
    from,
    until: until ?? from,
  }));
}

/** Ms since boot. */
export function bootMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
