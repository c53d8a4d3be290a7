import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

export type Progress = (line: string) => void;

export interface ToolResult {
  /** Exit code; 127 when the program could not be started. */
  readonly code: number;
  /** stdout and stderr as they came, at most the last 64 KB. */
  readonly output: string;
}

export interface ToolOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called every `tickMs` with the seconds gone by. */
  readonly onTick?: ((seconds: number) => void) | undefined;
  readonly tickMs?: number | undefined;
}

const KEPT_OUTPUT = 64 * 1024;

/** Runs a program to its end. Never throws for the program's failure: the caller reads `code`. */
export function runTool(
  command: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<ToolResult> {
  return new Promise((resolve) => {
    const began = performance.now();
    let output = '';
    const child = spawn(command, args, {
      env: options.env ?? process.env,
      cwd: options.cwd,
      signal: options.signal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-KEPT_OUTPUT);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const ticker = setInterval(
      () => options.onTick?.(Math.round((performance.now() - began) / 1000)),
      options.tickMs ?? 10_000,
    );
    const finish = (code: number): void => {
      clearInterval(ticker);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += String(error);
      finish(127);
    });
    child.on('close', (code) => finish(code ?? 1));
  });
}

/** The full path of a program on PATH (or in one of `alsoIn`), or undefined. */
export function findProgram(
  name: string,
  env: NodeJS.ProcessEnv,
  alsoIn: readonly string[] = [],
): string | undefined {
  const directories = [...(env['PATH'] ?? '').split(path.delimiter), ...alsoIn].filter((d) => d !== '');
  return directories.map((directory) => path.join(directory, name)).find(isProgram);
}

export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The last lines of a tool's output that carry something, for a one-line error. */
export function lastWords(output: string, lines = 2): string {
  return output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-lines)
    .join(' | ');
}

/** What a server or tool may see of our environment: no keys, no tokens. */
export function plainEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const kept = ['PATH', 'HOME', 'USER', 'LOGNAME', 'TMPDIR', 'TZ', 'LD_LIBRARY_PATH', 'JAVA_HOME'];
  const plain: Record<string, string> = { LANG: 'C', LC_ALL: 'C' };
  for (const name of kept) {
    const value = env[name];
    if (value !== undefined) plain[name] = value;
  }
  return plain;
}
