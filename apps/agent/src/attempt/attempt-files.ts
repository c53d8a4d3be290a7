import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { WorkDirs } from './work-dirs.js';

export interface AttemptDirs {
  /** Working directories, and files of inputs, results and output: both of this run alone. */
  readonly attemptsDir: string;
  readonly ioDir: string;
  readonly checkpointsDir: string;
  readonly dirs: WorkDirs;
}

const RESULT_BYTES = 64 * 1024 * 1024;

/** Directories and files of one attempt. Only what it uses is ever made. */
export class AttemptFiles {
  readonly cwd: string;
  readonly checkpoint: string;
  readonly input: string;
  readonly parents: string;
  readonly output: string;
  #isMade = false;
  #hasInput = false;
  #hasParents = false;

  constructor(
    private readonly host: AttemptDirs,
    private readonly tenant: number,
    task: string,
    private readonly name: string,
  ) {
    const base = join(host.ioDir, name);
    this.cwd = join(host.attemptsDir, name);
    this.checkpoint = join(host.checkpointsDir, `${tenant}-${task}`);
    this.input = `${base}.input`;
    this.parents = `${base}.parents`;
    this.output = `${base}.output`;
  }

  make(): void {
    this.#isMade = true;
    this.host.dirs.make(this.tenant, this.cwd);
    this.host.dirs.makeUnlessThere(this.tenant, this.checkpoint);
  }

  /** They are there already, as an earlier agent made them. */
  resume(): void {
    this.#isMade = true;
    this.#hasInput = true;
    this.#hasParents = true;
  }

  writeInput(json: string): void {
    this.#hasInput = true;
    writeFileSync(this.input, json, { mode: 0o600 });
  }

  writeParents(json: string): void {
    this.#hasParents = true;
    writeFileSync(this.parents, json, { mode: 0o600 });
  }

  /** Path of what was captured of a stream. */
  captured(stream: 'stdout' | 'stderr'): string {
    return join(this.host.ioDir, `${this.name}.${stream}`);
  }

  /** What the attempt wrote, as a plain file of its own and nothing that a link leads to; null when it wrote none. */
  readResult(): Buffer | null {
    // Most attempts write none, and an error costs more than a look.
    if (lstatSync(this.output, { throwIfNoEntry: false }) === undefined) return null;
    let fd: number;
    try {
      fd = openSync(this.output, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch {
      return null;
    }
    try {
      const found = fstatSync(fd);
      if (!found.isFile() || found.size === 0) return null;
      if (found.size > RESULT_BYTES) return Buffer.from('result larger than 64 MiB');
      return readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Removes all but captured output; the checkpoint stays for the next attempt unless the task is done. */
  tidy(isDone: boolean): void {
    if (!this.#isMade) return;
    if (this.#hasInput) rmSync(this.input, { force: true });
    if (this.#hasParents) rmSync(this.parents, { force: true });
    rmSync(this.output, { force: true, recursive: true });
    this.host.dirs.drop(this.tenant, this.cwd);
    this.host.dirs.drop(this.tenant, this.checkpoint, !isDone);
  }
}
