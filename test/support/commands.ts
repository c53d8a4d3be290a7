import { spawn } from 'node:child_process';
import path from 'node:path';

const YARD = path.resolve(import.meta.dirname, '../../apps/cli/bin/yard.mjs');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly stdin?: string;
  /** Killed after this; default 60 s. */
  readonly timeoutMs?: number;
}

/** Runs Node with these arguments to its end. */
export async function runNode(
  args: readonly string[],
  { env = {}, cwd, stdin, timeoutMs = 60_000 }: CommandOptions = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [...args], {
    cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '', ...env },
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined).end(stdin ?? '');
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  clearTimeout(timer);
  return { code, stdout, stderr };
}

/** The command line against one yard, as its user has it: found by the state directory. */
export async function yardCommand(
  { home }: { readonly home: string },
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Outcome> {
  return await runNode([YARD, ...args], {
    ...options,
    env: { YARD_HOME: home, YARD_URL: '', YARD_TOKEN: '', ...options.env },
  });
}
