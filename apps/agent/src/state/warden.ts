import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { WARDEN_SCRIPT } from './warden-script.js';

export interface WardenOptions {
  /** The run's directory. */
  readonly run: string;
  /** Of the agent. */
  readonly incarnation: string;
  /** An earlier agent began what is here, and its warden guards it until `take`. */
  readonly isAdopted: boolean;
  readonly path: string;
  /** A shell that can wait for a line for a second; null = the system's, which learns of the agent's death alone. */
  readonly shell: string | null;
  /** What all attempts have left of their leases, ms. */
  readonly leftMs: () => number;
}

const TELL_MS = 1_000;
/** Longer than until the next line, so that a line seldom comes just when the shell gives up on it. */
const WAIT_SECONDS = 1.3;
const AGAIN_MS = 200;

/**
 * A process beside the agent that outlives it: ends attempts when their leases end and the agent is gone, or stands still. It
 * costs one short line a second while something runs, and nothing per attempt.
 */
export class Warden {
  readonly #endedFile: string;
  readonly #takenFile: string;
  #shell: ChildProcess;
  #timer: NodeJS.Timeout | undefined;
  #again: NodeJS.Timeout | undefined;
  /** What it was told last, hundredths of a second since boot; null when nothing runs. */
  #deadline: number | null = null;
  #mayHaveActed = false;
  #isDismissed = false;

  constructor(private readonly options: WardenOptions) {
    this.#endedFile = join(options.run, 'ended');
    this.#takenFile = join(options.run, 'taken');
    // That of the earlier agent may, unheard.
    this.#mayHaveActed = options.isAdopted;
    this.#shell = this.#start();
  }

  /** Something runs from now on, until `rest`. */
  guard(): void {
    if (this.#timer !== undefined) return;
    this.#tell();
    this.#timer = setInterval(() => {
      this.#tell();
    }, TELL_MS);
  }

  /** What an earlier agent started is this one's from now on: its warden goes. */
  take(): void {
    writeFileSync(`${this.#takenFile}.new`, `${this.options.incarnation}\n`);
    renameSync(`${this.#takenFile}.new`, this.#takenFile);
    this.guard();
  }

  /** Nothing runs: told only when that has been so for a while, as the next attempt often follows at once. */
  rest(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#deadline = null;
    this.#say('idle');
    if (this.#mayHaveActed) rmSync(this.#endedFile, { force: true });
    this.#mayHaveActed = false;
  }

  /** True when it told this process group to end: it did so while this process stood still. */
  hasEnded(group: number): boolean {
    this.#look();
    if (!this.#mayHaveActed) return false;
    try {
      return readFileSync(this.#endedFile, 'utf8').split('\n').includes(`-${group}`);
    } catch {
      return false;
    }
  }

  /** Everything has ended in order. */
  async dismiss(): Promise<void> {
    this.#isDismissed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#again);
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return;
    const gone = new Promise<void>((resolve) =>
      this.#shell.once('exit', () => {
        resolve();
      }),
    );
    this.#shell.stdin!.end('bye\n');
    const timer = setTimeout(() => this.#shell.kill('SIGKILL'), 500);
    await gone;
    clearTimeout(timer);
  }

  #start(): ChildProcess {
    const { run, path, shell, incarnation } = this.options;
    const args = shell === null ? [] : ['--norc', '--noprofile'];
    const child = spawn(
      shell ?? 'sh',
      [
        ...args,
        '-c',
        WARDEN_SCRIPT,
        'yard-warden',
        run,
        shell === null ? '' : `-t ${WAIT_SECONDS}`,
        incarnation,
      ],
      { env: { PATH: path, LC_ALL: 'C' }, stdio: ['pipe', 'ignore', 'ignore'], detached: true },
    );
    child.stdin.on('error', () => undefined);
    child.on('error', () => undefined);
    child.on('exit', () => {
      if (this.#isDismissed) return;
      // Somebody killed it: attempts are not left without one.
      this.#again = setTimeout(() => {
        this.#shell = this.#start();
        if (this.#timer !== undefined) this.#tell();
      }, AGAIN_MS);
    });
    return child;
  }

  #tell(): void {
    this.#look();
    this.#deadline = Math.round(uptime() * 100 + Math.max(0, this.options.leftMs()) / 10);
    this.#say(`=${this.#deadline}`);
  }

  /** The last time that it was told has come: it acts if this process stood still. */
  #look(): void {
    if (this.#deadline !== null && !this.#mayHaveActed && uptime() * 100 >= this.#deadline)
      this.#mayHaveActed = true;
  }

  #say(line: string): void {
    if (this.#shell.stdin!.writable) this.#shell.stdin!.write(`${line}\n`);
  }
}
