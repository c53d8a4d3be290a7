import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { YardApiError } from './errors.js';

/** Where a yard is and who calls it. */
export interface Connection {
  /** Without a slash at the end, such as `http://127.0.0.1:7070`. */
  readonly url: string;
  /** Bearer key, or null to call without one. */
  readonly token: string | null;
}

export interface ConnectionOptions {
  /** Default: `YARD_URL`, else the `url` of the context file. */
  url?: string;
  /** Default: `YARD_TOKEN`, else the key that the context file points to. */
  token?: string;
  /** State directory with `context.json`. Default: `YARD_HOME`, else the nearest `.yard` from the working directory upwards. */
  home?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Fills what is left out from the environment, then from the context file that a yard writes when it starts. */
export function resolveConnection(
  options: ConnectionOptions = {},
  env: Environment = process.env,
): Connection {
  const url = options.url ?? filled(env['YARD_URL']);
  const token = options.token ?? filled(env['YARD_TOKEN']);
  if (url !== undefined && token !== undefined) return { url: trimmed(url), token };
  const context = readContext(options.home ?? findHome(env));
  const at = url ?? context?.url;
  if (at === undefined) {
    throw new YardApiError(
      'unavailable',
      'no yard is known here: start one with `yard up`, or set YARD_URL and YARD_TOKEN',
    );
  }
  // A key belongs to its yard: it is not sent to another address.
  const isSameYard = context !== null && trimmed(at) === trimmed(context.url);
  return { url: trimmed(at), token: token ?? (isSameYard ? context.token : null) };
}

/** `YARD_HOME`, else the nearest `.yard` from here upwards, else `.yard` here. */
export function findHome(env: Environment = process.env, from = process.cwd()): string {
  const named = filled(env['YARD_HOME']);
  if (named !== undefined) return path.resolve(from, named);
  for (let dir = from; ; dir = path.dirname(dir)) {
    if (existsSync(path.join(dir, '.yard', 'context.json'))) return path.join(dir, '.yard');
    if (dir === path.dirname(dir)) return path.join(from, '.yard');
  }
}

interface Context {
  readonly url: string;
  readonly token: string | null;
}

function readContext(home: string): Context | null {
  const text = readOrNull(path.join(home, 'context.json'));
  if (text === null) return null;
  const { url, tokenFile } = JSON.parse(text) as { url: string; tokenFile?: string };
  const token = tokenFile === undefined ? null : readOrNull(path.resolve(home, tokenFile));
  return { url, token: token === null ? null : token.trim() };
}

function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'EACCES') return null;
    throw error;
  }
}

function filled(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text.trim();
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}
