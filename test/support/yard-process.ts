import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const START_PATIENCE_MS = 180_000;

/** A yard in a process and a state directory of its own, as `npm start` runs it. */
export class YardProcess {
  readonly url: string;
  readonly token: string;
  readonly home: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, home: string, url: string) {
    this.#child = child;
    this.home = home;
    this.url = url;
    this.token = readFileSync(path.join(home, 'operator.token'), 'utf8').trim();
  }

  /** `home`: of one that was there before, to go on where it ended. */
  static async start(
    env: NodeJS.ProcessEnv = {},
    home = mkdtempSync(path.join(tmpdir(), 'yard-bench-')),
  ): Promise<YardProcess> {
    // As `npm start` runs it; more for a profile.
    const flags = [
      '--max-semi-space-size=64',
      ...(process.env['BENCH_NODE_FLAGS'] ?? '').split(' ').filter((flag) => flag !== ''),
    ];
    const child = spawn(
      process.execPath,
      [...flags, path.join(ROOT, 'apps/standalone/dist/main.js'), '--no-example'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          YARD_HOME: home,
          YARD_HTTP_PORT: '0',
          YARD_GRPC_PORT: '0',
          YARD_LOG_LEVEL: 'warn',
          ...env,
        },
      },
    );
    const url = await new Promise<string>((resolve, reject) => {
      let text = '';
      const timer = setTimeout(() => {
        reject(new Error(`the yard did not come up:\n${text}`));
      }, START_PATIENCE_MS);
      child.stdout?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const ready = /yard is up {2}(\S+)/.exec(text);
        if (ready?.[1] === undefined) return;
        clearTimeout(timer);
        resolve(ready[1]);
      });
      child.once('exit', (code) => {
        reject(new Error(`the yard ended with exit code ${String(code)}:\n${text}`));
      });
    });
    return new YardProcess(child, home, url);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Ends the yard's process alone, and leaves its state: the servers that it started end by themselves. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#child.once('exit', () => {
        resolve();
      });
      this.#child.kill(signal);
    });
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** A worker process that offers the no-op handlers. */
export class WorkerProcess {
  readonly #child: ChildProcess;

  constructor(yard: Pick<YardProcess, 'url' | 'token'>, concurrency: number) {
    this.#child = spawn(
      process.execPath,
      [path.join(ROOT, 'test/bench/worker.ts'), yard.url, String(concurrency)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, YARD_TOKEN: yard.token },
      },
    );
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#child.once('exit', () => {
        resolve();
      });
      this.#child.kill(signal);
    });
  }
}

export { treeOf, useOf, type ProcessUse } from './processes.ts';
