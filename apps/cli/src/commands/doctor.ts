import { existsSync, statSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Yard } from '@yardmaster/sdk';
import { EXIT } from '../exit.js';
import { homeOf, type Action, type Options } from '../invocation.js';
import { colours } from '../output/colour.js';
import { higherLevel } from '../output/higher-level.js';
import { out, outputForm, printData } from '../output/print.js';
import { took } from '../output/values.js';
import { localServers } from './local-servers.js';

type Level = 'ok' | 'warn' | 'fail';

/** One finding: what was looked at, what is so, and what to do about it. */
export interface Finding {
  readonly check: string;
  readonly level: Level;
  readonly detail: string;
  readonly todo?: string;
}

const SKEW_MS = 1_000;
const LOW_DISK = 2 * 1024 ** 3;

export const doctor: Action = async ({ options }) => {
  const home = await homeOf(options);
  const findings: Finding[] = [node(), ...(await stateDirectory(home))];
  findings.push(...(await localServers(home)), ...(await yardFindings(home, options)));
  const form = outputForm(options);
  if (form === 'json' || form === 'yaml') await printData({ findings }, form);
  else for (const finding of findings) show(finding);
  return findings.some((f) => f.level === 'fail') ? EXIT.failed : EXIT.ok;
};

function show({ check, level, detail, todo }: Finding): void {
  const { green, yellow, red, bold } = colours(process.stdout);
  const mark = level === 'ok' ? green('ok  ') : level === 'warn' ? yellow('warn') : red('FAIL');
  out(`${mark}  ${bold(check)}: ${detail}`);
  if (todo !== undefined) out(`      → ${todo}`);
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isRecent = major > 24 || (major === 24 && minor >= 11);
  return {
    check: 'node',
    level: isRecent ? 'ok' : 'fail',
    detail: process.version,
    ...(isRecent ? {} : { todo: 'run `npm install` here: it brings Node 24' }),
  };
}

async function stateDirectory(home: string): Promise<Finding[]> {
  if (!existsSync(home)) {
    return [
      {
        check: 'state directory',
        level: process.env['YARD_URL'] ? 'ok' : 'warn',
        detail: `${home} does not exist`,
        ...(process.env['YARD_URL'] ? {} : { todo: '`yard up` makes it; YARD_HOME or --home names another' }),
      },
    ];
  }
  const findings: Finding[] = [];
  const { bavail, bsize } = await statfs(home);
  const free = bavail * bsize;
  findings.push({
    check: 'state directory',
    level: free < LOW_DISK ? 'warn' : 'ok',
    detail: `${home}, ${(free / 1024 ** 3).toFixed(1)} GiB free`,
    ...(free < LOW_DISK ? { todo: 'make room: the log stops when its disk is full' } : {}),
  });
  for (const file of ['operator.token', 'agent.token']) {
    const full = path.join(home, file);
    if (!existsSync(full)) {
      findings.push({
        check: file,
        level: 'warn',
        detail: 'is missing',
        todo:
          file === 'operator.token'
            ? '`yard key create --recover`, then start the yard anew'
            : 'start the yard anew: it writes the file',
      });
    } else if (process.platform !== 'win32' && (statSync(full).mode & 0o077) !== 0) {
      findings.push({
        check: file,
        level: 'warn',
        detail: 'others on this machine can read it',
        todo: `chmod 600 ${full}`,
      });
    }
  }
  return findings;
}

async function yardFindings(home: string, options: Options): Promise<Finding[]> {
  const { Yard: Client, YardApiError } = await import('@yardmaster/sdk');
  const token =
    options.tokenFile === undefined ? undefined : (await readFile(options.tokenFile, 'utf8')).trim();
  let yard: Yard;
  try {
    yard = new Client({
      home,
      retryFor: 0,
      ...(options.url === undefined ? {} : { url: options.url }),
      ...(token === undefined ? {} : { token }),
    });
  } catch (error) {
    if (!(error instanceof YardApiError)) throw error;
    return [{ check: 'address', level: 'fail', detail: error.message }];
  }
  try {
    const findings = await reach(yard);
    if (findings.every((f) => f.level !== 'fail')) findings.push(...(await inside(yard)));
    return findings;
  } finally {
    await yard.close();
  }
}

/** Address, readiness, clock. Needs no key. */
async function reach(yard: Yard): Promise<Finding[]> {
  const before = Date.now();
  const answer = await fetch(`${yard.url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
  if (answer === null)
    return [
      {
        check: 'address',
        level: 'fail',
        detail: `nothing answers at ${yard.url}`,
        todo: 'start the yard with `yard up`, or set YARD_URL',
      },
    ];
  const elapsed = Date.now() - before;
  const body = (await answer.json().catch(() => ({}))) as { ready?: boolean; waitingFor?: string[] };
  const findings: Finding[] = [
    { check: 'address', level: 'ok', detail: `${yard.url} answers in ${took(elapsed)}` },
  ];
  findings.push(
    answer.ok
      ? { check: 'ready', level: 'ok', detail: 'the yard takes work' }
      : {
          check: 'ready',
          level: 'warn',
          detail: `not yet${body.waitingFor ? `, it waits for ${body.waitingFor.join(', ')}` : ''}`,
          todo: 'wait a moment; if it stays so, read the log of the yard',
        },
  );
  // The header counts whole seconds.
  const date = answer.headers.get('date');
  if (date !== null) {
    const skew = Math.max(0, Math.abs(Date.parse(date) + 500 - (before + elapsed / 2)) - 500);
    findings.push({
      check: 'clock',
      level: skew > SKEW_MS ? 'warn' : 'ok',
      detail: skew > SKEW_MS ? `differs from the yard's by ${took(skew)}` : "agrees with the yard's",
      ...(skew > SKEW_MS ? { todo: 'let both machines keep time with NTP' } : {}),
    });
  }
  return findings;
}

/** What only a key may see. */
async function inside(yard: Yard): Promise<Finding[]> {
  const { YardApiError } = await import('@yardmaster/sdk');
  try {
    const { items } = await yard.workers.list();
    return [
      { check: 'key', level: 'ok', detail: 'the yard takes it' },
      workers(items),
      ...(await clusterFindings(yard)),
      ...(await alertFindings(yard)),
    ];
  } catch (error) {
    if (!(error instanceof YardApiError)) throw error;
    const todo =
      error.code === 'unauthenticated'
        ? 'set YARD_TOKEN; for a lost operator key: `yard key create --recover`'
        : 'try again';
    return [{ check: 'key', level: 'fail', detail: `${error.code}: ${error.message}`, todo }];
  }
}

function workers(items: readonly { readonly state: string; readonly kind: string }[]): Finding {
  const healthy = items.filter((w) => w.state === 'healthy');
  if (healthy.length > 0) {
    return {
      check: 'workers',
      level: 'ok',
      detail: `${String(healthy.length)} healthy of ${String(items.length)}, ${String(healthy.filter((w) => w.kind === 'agent').length)} of them agents`,
    };
  }
  return {
    check: 'workers',
    level: 'fail',
    detail:
      items.length === 0 ? 'none has joined: nothing can run' : `none of ${String(items.length)} is healthy`,
    todo: '`yard agent start` brings one up on this machine; `yard worker list` shows those that there are',
  };
}

async function clusterFindings(yard: Yard): Promise<Finding[]> {
  const { YardApiError } = await import('@yardmaster/sdk');
  const cluster = await yard.cluster().catch((error: unknown) => {
    if (error instanceof YardApiError) return error;
    throw error;
  });
  if (cluster instanceof YardApiError)
    return [{ check: 'cluster', level: 'warn', detail: `${cluster.code}: ${cluster.message}` }];
  const findings: Finding[] = [
    {
      check: 'cluster',
      level: 'ok',
      detail: `${String(cluster.nodes.length)} nodes, ${String(cluster.roles.length)} roles, ${String(cluster.partitions)} partitions`,
    },
  ];
  const can = higherLevel(cluster.level, cluster.nodes);
  if (can !== null)
    findings.push({
      check: 'feature level',
      level: 'warn',
      detail: `the cluster works at level ${String(cluster.level)}, and every node can work at ${String(can)}`,
      todo: 'when no node has to go back to the version before: yard admin feature-level raise',
    });
  const behind = Object.entries(cluster.projectionLag).filter(([, lag]) => lag > 10_000);
  if (behind.length > 0)
    findings.push({
      check: 'projection',
      level: 'warn',
      detail: behind.map(([name, lag]) => `${name} is ${String(lag)} behind`).join(', '),
      todo: 'lists are old until it has caught up; if it grows, look at Postgres',
    });
  return findings;
}

async function alertFindings(yard: Yard): Promise<Finding[]> {
  const page = await yard.alerts().catch(() => null);
  return (page?.items ?? [])
    .filter((a) => a.clearedAt === null)
    .map((a) => ({ check: `alert ${a.kind}`, level: 'warn' as const, detail: a.message, todo: a.action }));
}
