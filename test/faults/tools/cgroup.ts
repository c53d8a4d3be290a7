import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = '/sys/fs/cgroup';

/** Bounds for a process and everything that it starts from then on: memory in bytes, processes and threads by number. */
export class Bounds {
  readonly #groups: readonly string[];

  constructor(name: string, { memory, pids }: { readonly memory: number; readonly pids: number }) {
    this.#groups = ['memory', 'pids'].map((controller) => path.join(ROOT, controller, name));
    for (const group of this.#groups) mkdirSync(group, { recursive: true });
    this.#write('memory', 'memory.limit_in_bytes', memory);
    this.#write('pids', 'pids.max', pids);
  }

  hold(pids: readonly number[]): void {
    for (const group of this.#groups) move(group, pids);
  }

  /** How often somebody was ended for want of memory. */
  get killed(): number {
    return Number(/oom_kill (\d+)/.exec(this.#read('memory', 'memory.oom_control'))?.[1] ?? 0);
  }

  /** How often a process was refused. */
  get refused(): number {
    return Number(/max (\d+)/.exec(this.#read('pids', 'pids.events'))?.[1] ?? 0);
  }

  /** Everybody inside is free again. */
  release(): void {
    for (const group of this.#groups) {
      for (;;) {
        const inside = readFileSync(path.join(group, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
        if (inside.length === 0) break;
        move(path.dirname(group), inside.map(Number));
      }
      rmdirSync(group);
    }
  }

  #write(controller: string, file: string, value: number): void {
    writeFileSync(path.join(this.#group(controller), file), String(value));
  }

  #read(controller: string, file: string): string {
    return readFileSync(path.join(this.#group(controller), file), 'utf8');
  }

  #group(controller: string): string {
    return this.#groups.find((group) => path.basename(path.dirname(group)) === controller) ?? '';
  }
}

/** Why no bounds can be set here; null when they can. */
export function whyNoBounds(): string | null {
  const missing = ['memory/memory.limit_in_bytes', 'pids/cgroup.procs'].filter(
    (file) => !existsSync(path.join(ROOT, file)),
  );
  if (missing.length > 0)
    return 'bounding memory and processes needs the cgroup controllers memory and pids, version 1';
  return process.getuid?.() === 0 ? null : 'bounding memory and processes needs root';
}

/** A process and all that descend from it. */
export function descendants(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has ended.
    }
  }
  const found = new Set([root]);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

function move(group: string, pids: readonly number[]): void {
  for (const pid of pids)
    try {
      writeFileSync(path.join(group, 'cgroup.procs'), String(pid));
    } catch {
      // It has ended.
    }
}
