import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Path of the variable that every process of an attempt inherits, and so tells whose it is. */
const MARK = 'YARD_OUTPUT=';

/**
 * Finds the processes of attempts wherever they hid: a double fork and `setsid` leave the group and the parent, yet
 * keep the environment, and one that cleared its environment mostly keeps its directory.
 */
export class ProcessTable {
  constructor(
    /** Both end with a slash; what follows, up to a slash or a dot, is the attempt's name. */
    private readonly outputPrefix: string,
    private readonly workPrefix: string,
  ) {}

  /** Process ids by the name of their attempt. */
  scan(): Map<string, number[]> {
    const found = new Map<string, number[]>();
    let entries: string[];
    try {
      entries = readdirSync('/proc');
    } catch {
      return found;
    }
    for (const entry of entries) {
      const first = entry.charCodeAt(0);
      if (first < 49 || first > 57) continue;
      const name = this.#nameOf(entry);
      if (name === null) continue;
      const pids = found.get(name);
      if (pids === undefined) found.set(name, [Number(entry)]);
      else pids.push(Number(entry));
    }
    return found;
  }

  #nameOf(pid: string): string | null {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      const mark = `${MARK}${this.outputPrefix}`;
      const at = environment.startsWith(mark) ? 0 : environment.indexOf(`\0${mark}`) + 1;
      if (at > 0 || environment.startsWith(mark)) return nameAt(environment, at + mark.length);
    } catch {
      // Ended meanwhile, or another user's.
    }
    try {
      const dir = readlinkSync(`/proc/${pid}/cwd`);
      if (dir.startsWith(this.workPrefix)) return nameAt(dir, this.workPrefix.length);
    } catch {
      // As above.
    }
    return null;
  }
}

function nameAt(text: string, from: number): string {
  return /^[\w-]*/.exec(text.slice(from, from + 128))![0];
}

/** Signals a process or, with a negative id, a group; false when there is none. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/** False when there is no such process or, with a negative id, no such group. */
export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** False for what has ended, also while nobody has taken note of it yet. */
export function isAlive(pid: number): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.charAt(text.lastIndexOf(')') + 2) !== 'Z';
  } catch {
    return false;
  }
}
