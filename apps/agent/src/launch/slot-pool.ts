import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { LaunchSpec, Slot } from './launch.js';
import { ShellSlot } from './shell-slot.js';
import { isShellSafe, SLOT_PROBE } from './slot-script.js';
import { SpawnSlot } from './spawn-slot.js';

export interface SlotPoolOptions {
  /** Holds one directory per slot. */
  readonly dir: string;
  /** The clean environment of every attempt. */
  readonly environment: Readonly<Record<string, string>>;
  /** Shells kept when idle. */
  readonly keep: number;
  /** Path of the shell; null = start attempts without one; undefined = find it. */
  readonly shell?: string | null;
}

/** Directories made by one call of mkfifo. */
const DIRS_AT_ONCE = 8;
/** A new shell costs milliseconds of this thread; most attempts end before one would be ready. */
const GROW_EVERY_MS = 20;
/** Waiting this long is reason enough, though others get on. */
const LONG_WAIT_MS = 300;

/**
 * Slots for attempts. Up to `keep` shells are there at once; beyond, the pool grows by one at a time while attempts
 * wait and none comes free, so that a burst of short ones shares what there is and long ones all get to run.
 */
export class SlotPool {
  readonly shell: string | null;
  readonly #idle: ShellSlot[] = [];
  readonly #dirs = new Map<Slot, string>();
  readonly #fresh: string[] = [];
  readonly #wanting: { readonly give: (slot: Slot) => void; readonly since: number }[] = [];
  #movedAt = 0;
  #growing: NodeJS.Timeout | undefined;
  #count = 0;

  constructor(private readonly options: SlotPoolOptions) {
    mkdirSync(options.dir, { recursive: true });
    this.shell = options.shell === undefined ? findShell(options.environment['PATH'] ?? '') : options.shell;
  }

  /** Attempts that wait for a slot. */
  get waiting(): number {
    return this.#wanting.length;
  }

  /** Has shells ready before the first attempt comes. */
  warm(count: number): void {
    if (this.shell === null) return;
    while (this.#idle.length < count) this.#idle.push(this.#makeShell(this.shell));
  }

  take(spec: LaunchSpec): Slot | Promise<Slot> {
    if (this.shell === null || !spec.env.every(([name]) => isShellSafe(name))) {
      const dir = this.#makeDir();
      const slot = new SpawnSlot(dir, this.options.environment);
      this.#dirs.set(slot, dir);
      return slot;
    }
    for (let slot = this.#idle.pop(); slot !== undefined; slot = this.#idle.pop()) {
      if (slot.isUsable) return slot;
      this.#drop(slot);
    }
    if (this.#dirs.size < this.options.keep) return this.#makeShell(this.shell);
    const { shell } = this;
    this.#growing ??= setInterval(() => {
      this.#grow(shell);
    }, GROW_EVERY_MS);
    return new Promise((resolve) => this.#wanting.push({ give: resolve, since: performance.now() }));
  }

  /** A slot that an earlier agent left is this pool's to close. */
  adopt(slot: Slot, dir: string): void {
    this.#dirs.set(slot, dir);
  }

  giveBack(slot: Slot): void {
    if (!(slot instanceof ShellSlot) || !slot.isUsable) {
      this.#drop(slot);
      return;
    }
    const wanting = this.#wanting.shift();
    if (wanting !== undefined) {
      this.#movedAt = performance.now();
      wanting.give(slot);
    } else if (this.#idle.length < this.options.keep) this.#idle.push(slot);
    else this.#drop(slot);
  }

  close(): void {
    for (const slot of [...this.#dirs.keys()]) this.#drop(slot);
    this.#idle.length = 0;
    clearInterval(this.#growing);
  }

  #grow(shell: string): void {
    const first = this.#wanting[0];
    if (first === undefined) {
      clearInterval(this.#growing);
      this.#growing = undefined;
      return;
    }
    const now = performance.now();
    if (now - this.#movedAt < GROW_EVERY_MS && now - first.since < LONG_WAIT_MS) return;
    this.#wanting.shift();
    first.give(this.#makeShell(shell));
  }

  #makeShell(shell: string): ShellSlot {
    const dir = this.#makeDir();
    const slot = new ShellSlot(shell, dir, this.options.environment);
    this.#dirs.set(slot, dir);
    return slot;
  }

  #makeDir(): string {
    if (this.#fresh.length === 0) {
      const pipes: string[] = [];
      for (let k = 0; k < DIRS_AT_ONCE; k++) {
        const dir = join(this.options.dir, String(++this.#count));
        mkdirSync(dir, { mode: 0o700 });
        pipes.push(join(dir, 'stdout'), join(dir, 'stderr'));
        this.#fresh.push(dir);
      }
      execFileSync('mkfifo', ['-m', '600', ...pipes]);
    }
    return this.#fresh.shift()!;
  }

  #drop(slot: Slot): void {
    const dir = this.#dirs.get(slot);
    if (dir === undefined) return;
    this.#dirs.delete(slot);
    slot.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A bash that is new enough, or null. */
function findShell(path: string): string | null {
  for (const dir of path.split(':')) {
    if (dir === '') continue;
    const shell = join(dir, 'bash');
    try {
      accessSync(shell, constants.X_OK);
      execFileSync(shell, ['--norc', '--noprofile', '-c', SLOT_PROBE], { stdio: 'ignore' });
      return shell;
    } catch {
      // Not here, or too old.
    }
  }
  return null;
}
