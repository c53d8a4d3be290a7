import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { Outcome } from './tally.js';

/** Ticks of a second, of a seed that takes a fraction of one; not counted while this process stands still too. */
const PATIENCE_TICKS = 300;

/** Plays seeds in a process of its own, so that one which never comes to rest can be ended and the next be played. */
export class PlayerProcess {
  #child: ChildProcess | null = null;

  play(seed: number): Promise<Outcome> {
    const child = (this.#child ??= fork(path.join(import.meta.dirname, 'player.ts')));
    return new Promise((resolve) => {
      let ticks = 0;
      const end = (outcome: Outcome): void => {
        clearInterval(watch);
        child.removeAllListeners();
        resolve(outcome);
      };
      const giveUp = (why: string): void => {
        this.stop();
        end(brokenOff(seed, why));
      };
      const watch = setInterval(() => {
        if (++ticks >= PATIENCE_TICKS) giveUp('it never comes to rest: its process had to be killed');
      }, 1_000);
      child.once('message', (outcome) => {
        end(outcome as Outcome);
      });
      child.once('exit', (code, signal) => {
        giveUp(`its process ended by itself (${signal ?? String(code)})`);
      });
      child.send(seed);
    });
  }

  stop(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }
}

function brokenOff(seed: number, why: string): Outcome {
  return {
    seed,
    faults: [why],
    isVoid: null,
    tasks: 0,
    landed: {},
    upkeep: { looks: 0, purged: 0, crashes: 0, resumed: 0 },
    seen: [],
    covered: [],
  };
}
