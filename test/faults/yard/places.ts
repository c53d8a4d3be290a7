import { mkdirSync } from 'node:fs';
import path from 'node:path';

/** Where one yard under test and those around it keep their things. */
export interface Places {
  readonly root: string;
  /** The state directory. */
  readonly home: string;
  /** What workers and scripts wrote down themselves. */
  readonly truth: string;
  /** Output of the processes. */
  readonly output: string;
}

export function placesIn(root: string): Places {
  const output = path.join(root, 'output');
  mkdirSync(output, { recursive: true });
  return { root, home: path.join(root, 'home'), truth: path.join(root, 'truth'), output };
}
