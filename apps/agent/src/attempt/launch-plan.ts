import { extname } from 'node:path';
import { isBlobRef, type Work } from '@yardmaster/contracts';
import { retryTransient, type WorkerHttp } from '@yardmaster/sdk/session';
import type { LaunchSpec } from '../launch/launch.js';
import type { AttemptFiles } from './attempt-files.js';
import type { Interpreters } from './interpreters.js';
import type { ScriptCache } from './script-cache.js';

export interface LaunchSources {
  readonly http: WorkerHttp;
  readonly scripts: ScriptCache;
  readonly interpreters: Interpreters;
}

/** Why an attempt ends without having been started, with its outcome. */
export class Unfit extends Error {
  constructor(
    readonly outcome: 'infra' | 'permanent',
    message: string,
  ) {
    super(message);
  }
}

export interface LaunchIdentity {
  readonly task: string;
  readonly attempt: number;
  readonly fence: number;
  /** Epoch ms. */
  readonly deadline: number;
}

/** Turns an assignment into what to start, with its files in place. Throws Unfit. */
export async function planLaunch(
  sources: LaunchSources,
  work: Work,
  identity: LaunchIdentity,
  files: AttemptFiles,
): Promise<LaunchSpec> {
  const { run } = work;
  const argv = await command(sources, work);
  const env: [string, string][] = [];
  for (const [name, value] of Object.entries(run.env ?? {})) {
    if (name === '' || name.includes('='))
      throw new Unfit('permanent', `no variable can be called ${JSON.stringify(name)}`);
    env.push([name, value]);
  }
  const hasNul = (text: string): boolean => text.includes('\0');
  if (argv.some(hasNul) || env.some(([name, value]) => hasNul(name) || hasNul(value)))
    throw new Unfit('permanent', 'arguments and variables cannot hold a NUL character');
  files.make();
  env.push(
    ['YARD_TASK_ID', identity.task],
    ['YARD_ATTEMPT', String(identity.attempt)],
    ['YARD_FENCE', String(identity.fence)],
    ['YARD_INPUT', files.input],
    ['YARD_OUTPUT', files.output],
    ['YARD_PARENTS', files.parents],
    ['YARD_CHECKPOINT_DIR', files.checkpoint],
    ['YARD_DEADLINE', String(Math.round(identity.deadline))],
  );
  if (work.traceparent !== null) env.push(['TRACEPARENT', work.traceparent]);
  if (run.input !== null && run.input !== undefined)
    files.writeInput(await json(sources.http, work.tenant, run.input));
  if (work.parents !== null) {
    const parts: string[] = [];
    for (const [key, value] of Object.entries(work.parents))
      parts.push(`${JSON.stringify(key)}:${await json(sources.http, work.tenant, value)}`);
    files.writeParents(`{${parts.join(',')}}`);
  }
  return { argv, cwd: files.cwd, env };
}

async function command({ scripts, interpreters }: LaunchSources, work: Work): Promise<readonly string[]> {
  const { kind, run, tenant } = work;
  const args = run.args ?? [];
  if (kind === 'command' && run.command !== null && run.command.length > 0) {
    const [program, ...rest] = run.command;
    // A PATH of the task's own decides itself what its names mean.
    const known =
      run.env !== null && Object.hasOwn(run.env, 'PATH')
        ? program!
        : (interpreters.peek(program!) ?? (await interpreters.resolve(program!)));
    return [known, ...rest, ...args];
  }
  if (kind !== 'script' || run.scriptHash === null)
    throw new Unfit('infra', `this worker cannot run a ${kind} without its ${kind}`);
  const submittedAs = run.script ?? '';
  const extension = /^\.[a-z0-9]{1,5}$/.test(extname(submittedAs)) ? extname(submittedAs) : '';
  let file = scripts.peek(run.scriptHash, extension);
  if (file === undefined) {
    try {
      file = await scripts.path(tenant, run.scriptHash, extension);
    } catch (error) {
      throw new Unfit('infra', `the script could not be fetched: ${(error as Error).message}`);
    }
  }
  const [program, ...rest] = interpreters.scriptCommand(file, submittedAs);
  return [interpreters.peek(program!) ?? (await interpreters.resolve(program!)), ...rest, file, ...args];
}

/** JSON text of a value, fetched first when it is kept as a blob. */
async function json(http: WorkerHttp, tenant: number, value: unknown): Promise<string> {
  if (!isBlobRef(value)) return JSON.stringify(value);
  try {
    return (await retryTransient(4, () => http.getBlob(tenant, value.$blob))).toString('utf8');
  } catch (error) {
    throw new Unfit('infra', `a value could not be fetched: ${(error as Error).message}`);
  }
}
