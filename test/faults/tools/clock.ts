import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../../e2e/start-yard.js';

/** The wall clock of one process, which can be set while it runs. */
export class ShiftedClock {
  readonly #file: string;

  constructor(root: string, name: string) {
    this.#file = path.join(root, `clock-${name}`);
    this.set(0);
  }

  /** Ms ahead of the true time; negative = behind. */
  set(offMs: number): void {
    writeFileSync(this.#file, String(offMs));
  }

  get env(): NodeJS.ProcessEnv {
    const preload = pathToFileURL(path.join(ROOT, 'test/faults/tools/clock-preload.mjs')).href;
    return { FAULT_CLOCK: this.#file, NODE_OPTIONS: `--import=${preload}` };
  }
}
