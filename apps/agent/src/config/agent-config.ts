import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { ResourceVector } from '@yardmaster/domain';

export interface AgentConfig {
  /** Both are asked anew at every connection: a yard that restarts may have moved or changed its keys. */
  readonly url: () => string;
  readonly token: () => string;
  readonly dir: string;
  readonly name: string;
  /** The worker's id, where it is not to be made up and kept in `dir`. */
  readonly id?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Replaces what is measured; canonical units. */
  readonly resources: ResourceVector;
  /** Attempts at once, whatever their resources say: more wait here. */
  readonly maxAttempts: number;
  /** Kept of each output stream. */
  readonly logCapBytes: number;
  /** Shell that launches; null = none. Found by itself when left out. */
  readonly shell?: string | null;
}

const LOG_CAP_BYTES = 64 * 1024 * 1024;

export const AGENT_USAGE = `usage: agent [options]            every option may be a variable, the option goes first
  --home DIR            YARD_HOME             home of the yard: address from context.json, key from agent.token
  --url URL             YARD_URL              address of the yard
  --token-file FILE     YARD_TOKEN_FILE       file with the agent's key
                        YARD_TOKEN            the key itself
  --dir DIR             YARD_AGENT_DIR        state of the agent (default HOME/agent)
  --name NAME           YARD_AGENT_NAME       shown in lists (default the host's name)
  --id ID               YARD_AGENT_ID         id of the worker (default made once, kept in the directory)
  --label K=V ...       YARD_AGENT_LABELS     labels, with commas in the variable
  --cpu N               YARD_AGENT_CPU        processors to offer, as in 4 or 500m
  --memory SIZE         YARD_AGENT_MEMORY     memory to offer, as in 8G
  --disk SIZE           YARD_AGENT_DISK       disk to offer
  --resource K=N ...    YARD_AGENT_RESOURCES  any other, as in iops=5000, with commas in the variable
  --max-attempts N      YARD_AGENT_MAX_ATTEMPTS   most at once (default 256)
  --log-cap SIZE        YARD_AGENT_LOG_CAP    kept of each output stream (default 64Mi)
  --shell PATH|none     YARD_AGENT_SHELL      bash that launches (default the first in PATH)`;

const OPTIONS = {
  home: { type: 'string' },
  url: { type: 'string' },
  'token-file': { type: 'string' },
  dir: { type: 'string' },
  name: { type: 'string' },
  id: { type: 'string' },
  label: { type: 'string', multiple: true },
  cpu: { type: 'string' },
  memory: { type: 'string' },
  disk: { type: 'string' },
  resource: { type: 'string', multiple: true },
  'max-attempts': { type: 'string' },
  'log-cap': { type: 'string' },
  shell: { type: 'string' },
} as const;

/** Options and variables as a configuration, or every problem at once. */
export async function resolveAgentConfig(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly config: AgentConfig } | { readonly problems: readonly string[] }> {
  let given: ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];
  try {
    given = parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
  } catch (error) {
    return { problems: [(error as Error).message] };
  }
  const problems: string[] = [];
  const home = given.home ?? env['YARD_HOME'];
  const url = given.url ?? env['YARD_URL'];
  const tokenFile =
    given['token-file'] ??
    env['YARD_TOKEN_FILE'] ??
    (home === undefined ? undefined : join(home, 'agent.token'));
  const token = given['token-file'] === undefined ? env['YARD_TOKEN'] : undefined;
  if (url === undefined && home === undefined) problems.push('where is the yard? give --url or --home');
  if (url !== undefined && !/^https?:\/\/[^\s]+$/.test(url))
    problems.push(`--url has to be http:// or https://, not ${url}`);
  if (token === undefined && tokenFile === undefined)
    problems.push('which key? give --token-file, --home or YARD_TOKEN');

  const wanted: Record<string, string> = {};
  for (const name of ['cpu', 'memory', 'disk'] as const) {
    const value = given[name] ?? env[`YARD_AGENT_${name.toUpperCase()}`];
    if (value !== undefined) wanted[name] = value;
  }
  Object.assign(wanted, pairs(given.resource ?? list(env['YARD_AGENT_RESOURCES']), '--resource', problems));
  const resources = await readResources(wanted, problems);
  const labels = pairs(given.label ?? list(env['YARD_AGENT_LABELS']), '--label', problems);
  const maxAttempts = Number(given['max-attempts'] ?? env['YARD_AGENT_MAX_ATTEMPTS'] ?? 256);
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1)
    problems.push('--max-attempts has to be a whole number of at least 1');
  const logCapBytes = await readLogCap(given['log-cap'] ?? env['YARD_AGENT_LOG_CAP'], problems);
  const id = given.id ?? env['YARD_AGENT_ID'];
  if (id !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(id))
    problems.push('--id has to be letters, digits, dots, dashes and underscores, at most 63');
  if (problems.length > 0) return { problems };

  const shell = given.shell ?? env['YARD_AGENT_SHELL'];
  return {
    config: {
      url: url === undefined ? () => urlOf(join(home!, 'context.json')) : () => url,
      token: token === undefined ? () => readFileSync(tokenFile!, 'utf8').trim() : () => token,
      dir: resolve(given.dir ?? env['YARD_AGENT_DIR'] ?? join(home ?? join(homedir(), '.yard'), 'agent')),
      name: given.name ?? env['YARD_AGENT_NAME'] ?? hostname(),
      labels,
      resources,
      maxAttempts,
      logCapBytes,
      ...(id === undefined ? {} : { id }),
      ...(shell === undefined ? {} : { shell: shell === 'none' ? null : shell }),
    },
  };
}

/** The rules of amounts are loaded only where some are given: most agents measure, and stay smaller. */
async function readResources(
  wanted: Readonly<Record<string, string>>,
  problems: string[],
): Promise<ResourceVector> {
  if (Object.keys(wanted).length === 0) return {};
  const { parseResources } = await import('@yardmaster/domain');
  const resources = parseResources(wanted);
  if (resources.ok) return resources.value;
  for (const { path, message } of resources.error) problems.push(`resource ${path}: ${message}`);
  return {};
}

async function readLogCap(text: string | undefined, problems: string[]): Promise<number> {
  if (text === undefined) return LOG_CAP_BYTES;
  const { parseAmount } = await import('@yardmaster/domain');
  const cap = parseAmount('bytes', text);
  if (cap.ok) return cap.value;
  problems.push(`--log-cap: ${cap.error}`);
  return LOG_CAP_BYTES;
}

const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TZ'] as const;

/** All that an attempt sees of the agent's own environment. */
export function attemptEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const clean: Record<string, string> = { PATH: '/usr/local/bin:/usr/bin:/bin' };
  for (const name of PASSED_ON) if (env[name] !== undefined && env[name] !== '') clean[name] = env[name];
  return clean;
}

function urlOf(file: string): string {
  const context = JSON.parse(readFileSync(file, 'utf8')) as { url?: unknown };
  if (typeof context.url !== 'string') throw new Error(`${file} names no url`);
  return context.url;
}

function list(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function pairs(texts: readonly string[], option: string, problems: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 1) problems.push(`${option} is written NAME=VALUE, not ${text}`);
    else found[text.slice(0, at)] = text.slice(at + 1);
  }
  return found;
}
