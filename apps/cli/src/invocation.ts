import type { Yard } from '@yardmaster/sdk';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Options {
  output?: OutputForm;
  url?: string;
  home?: string;
  tokenFile?: string;
  [name: string]: string | boolean | undefined;
}

export type OutputForm = 'table' | 'wide' | 'json' | 'yaml' | 'name';

/** One call of the command line, parsed. */
export interface Invocation {
  readonly args: readonly string[];
  readonly options: Options;
  /** What stands after `--`; null without one. */
  readonly rest: readonly string[] | null;
}

/** Returns the exit code; nothing means 0. */
export type Action = (invocation: Invocation) => Promise<number | undefined>;

/** Root of the checkout or image that this command line belongs to. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** The state directory: --home, YARD_HOME, the nearest `.yard` upwards, else that of the checkout. */
export async function homeOf(options: Options): Promise<string> {
  if (options.home !== undefined) return path.resolve(options.home);
  const { findHome } = await import('@yardmaster/sdk');
  const found = findHome();
  const own = path.join(ROOT, '.yard');
  return process.env['YARD_HOME'] ||
    existsSync(path.join(found, 'context.json')) ||
    !existsSync(path.join(own, 'context.json'))
    ? found
    : own;
}

/** Runs `work` with a client and closes it after. `retryFor`: how long a yard that is away is waited for. */
export async function withYard<T>(
  options: Options,
  work: (yard: Yard) => Promise<T>,
  retryFor = '3s',
): Promise<T> {
  const { Yard: Client } = await import('@yardmaster/sdk');
  const token = options.tokenFile === undefined ? undefined : await readToken(options.tokenFile);
  const yard = new Client({
    home: await homeOf(options),
    retryFor,
    ...(options.url === undefined ? {} : { url: options.url }),
    ...(token === undefined ? {} : { token }),
  });
  try {
    return await work(yard);
  } finally {
    await yard.close();
  }
}

async function readToken(file: string): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return (await readFile(file, 'utf8')).trim();
}
