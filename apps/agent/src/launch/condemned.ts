import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file in the slot's directory: the attempt is being ended. */
const CONDEMNED = 'condemned';

export function condemn(dir: string): void {
  try {
    writeFileSync(join(dir, CONDEMNED), '');
  } catch {
    // Its directory was deleted: nobody will go on with anything in it.
  }
}

export function isCondemned(dir: string): boolean {
  return existsSync(join(dir, CONDEMNED));
}

/** What runs in the slot next is not. */
export function pardon(dir: string): void {
  rmSync(join(dir, CONDEMNED), { force: true });
}
