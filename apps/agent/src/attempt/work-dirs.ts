import { chmodSync, mkdirSync, readdirSync, renameSync, rm, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const MODE = 0o700;
const KEPT_PER_TENANT = 256;

/**
 * Empty directories for attempts. Removing one costs more than starting a process on common file systems, renaming one
 * next to nothing: so an attempt's directory that was left empty is given to a later attempt of the same tenant.
 */
export class WorkDirs {
  readonly #spare = new Map<number, string[]>();
  #count = 0;

  constructor(private readonly spareDir: string) {
    mkdirSync(spareDir, { recursive: true, mode: MODE });
  }

  make(tenant: number, path: string): void {
    const spare = this.#spare.get(tenant)?.pop();
    if (spare === undefined) mkdirSync(path, { mode: MODE });
    else renameSync(spare, path);
  }

  /** The same for a directory that may be there, with what an earlier attempt left in it. */
  makeUnlessThere(tenant: number, path: string): void {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) this.make(tenant, path);
  }

  /** Takes a directory away, with all that is in it; `onlyIfEmpty` leaves a full one where it is. */
  drop(tenant: number, path: string, onlyIfEmpty = false): void {
    try {
      const isEmpty = readdirSync(path).length === 0;
      if (!isEmpty && onlyIfEmpty) return;
      let spares = this.#spare.get(tenant);
      if (spares === undefined) this.#spare.set(tenant, (spares = []));
      const away = join(this.spareDir, String(++this.#count));
      renameSync(path, away);
      if (isEmpty && spares.length < KEPT_PER_TENANT) {
        if ((statSync(away).mode & 0o7777) !== MODE) chmodSync(away, MODE);
        spares.push(away);
      } else {
        rm(away, { recursive: true, force: true }, () => undefined);
      }
    } catch (error) {
      // Gone, or made unreadable by its attempt.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') rmSync(path, { recursive: true, force: true });
    }
  }
}
