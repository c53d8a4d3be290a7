import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { isAlive, kill } from '../../support/processes.js';
import { until } from '../tools/until.js';

export interface ChildSpec {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** File that its output is appended to. */
  readonly output: string;
}

/** A Node process that may be killed and started again under the same name. */
export class Child {
  readonly name: string;
  #child: Pick<ChildProcess, 'pid'> | null = null;
  #starts = 0;
  readonly #spec: ChildSpec;

  constructor(spec: ChildSpec) {
    this.#spec = spec;
    this.name = spec.name;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isUp(): boolean {
    return this.#child !== null && isAlive(this.pid);
  }

  get starts(): number {
    return this.#starts;
  }

  /** Everything that it and those before it printed. */
  said(): string {
    try {
      return readFileSync(this.#spec.output, 'utf8');
    } catch {
      return '';
    }
  }

  start(): void {
    if (this.isUp) return;
    const { args, env, cwd, output } = this.#spec;
    const log = openSync(output, 'a', 0o600);
    this.#child = spawn(process.execPath, [...args], { stdio: ['ignore', log, log], env, cwd });
    closeSync(log);
    this.#starts++;
  }

  /** Takes a process for this one that somebody else started. */
  adopt(pid: number): void {
    this.#child = { pid };
    this.#starts++;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.pid > 0) kill(this.pid, signal);
  }

  async gone(withinMs = 60_000): Promise<void> {
    await until(`the end of ${this.name}`, () => !this.isUp, { withinMs, everyMs: 20 });
  }

  /** In order; by force when that takes too long. */
  async stop(withinMs = 40_000): Promise<void> {
    if (!this.isUp) return;
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    await this.gone(withinMs).catch(async () => {
      this.signal('SIGKILL');
      await this.gone();
    });
  }
}
