import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '..', '..');

export interface StartedYard {
  readonly url: string;
  /** host:port */
  readonly grpc: string;
  readonly home: string;
  /** The operator's key. */
  readonly token: string;
  readonly pid: number;
  /** Everything it printed so far. */
  output(): string;
  /** Nobody reads any more what it prints. */
  leave(): void;
  /** Ctrl-C; resolves with the exit code when the process has ended. Removes a home that was made here, unless told to keep it. */
  stop(options?: { readonly keep?: boolean }): Promise<number | null>;
}

export interface StartOptions {
  /** Default: a fresh one, removed at the end. */
  readonly home?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** `npm start` (default) or `npm run dev:cluster`. */
  readonly composition?: 'one-process' | 'apart';
  /** Default `['--no-example']`. */
  readonly args?: readonly string[];
}

const READY = /^yard is up {2}(\S+) {2}grpc (\S+) {2}state /m;
const READY_PATIENCE_MS = 150_000;
const STOP_PATIENCE_MS = 40_000;

/** Starts the built yard as a user does, on free ports, and waits for its ready line. */
export async function startYard({
  home,
  env = {},
  composition = 'one-process',
  args = ['--no-example'],
}: StartOptions = {}): Promise<StartedYard> {
  const own = home ?? mkdtempSync(path.join(tmpdir(), 'yard-e2e-'));
  const main = path.join(
    ROOT,
    'apps',
    'standalone',
    'dist',
    composition === 'apart' ? 'cluster.main.js' : 'main.js',
  );
  const child = spawn(process.execPath, ['--enable-source-maps', main, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      YARD_HOME: own,
      YARD_HTTP_PORT: '0',
      YARD_GRPC_PORT: '0',
      YARD_URL: '',
      YARD_TOKEN: '',
      ...env,
    },
  });
  let output = '';
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => {
      resolve(code);
    });
  });
  const remove = (): void => {
    if (home === undefined) rmSync(own, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  let ready: RegExpExecArray;
  try {
    ready = await new Promise<RegExpExecArray>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`the yard was not up in time:\n${output}`));
      }, READY_PATIENCE_MS);
      const hear = (chunk: Buffer): void => {
        output += chunk.toString();
        const match = READY.exec(output);
        if (match === null) return;
        clearTimeout(timer);
        resolve(match);
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      void ended.then((code) => {
        clearTimeout(timer);
        reject(new Error(`the yard ended with code ${String(code)} before it was up:\n${output}`));
      });
    });
  } catch (error) {
    await stop(child, ended);
    remove();
    throw error;
  }
  return {
    url: ready[1] ?? '',
    grpc: ready[2] ?? '',
    home: own,
    token: readFileSync(path.join(own, 'operator.token'), 'utf8').trim(),
    pid: child.pid ?? 0,
    output: () => output,
    leave: () => {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    stop: async ({ keep = false } = {}) => {
      const code = await stop(child, ended);
      if (!keep) remove();
      return code;
    },
  };
}

async function stop(child: ChildProcess, ended: Promise<number | null>): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
  const code = await ended;
  clearTimeout(timer);
  return code;
}
