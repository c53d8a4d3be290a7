import { readFileSync } from 'node:fs';
import { treeOf, useOf } from '../support/processes.ts';

const KINDS: readonly (readonly [kind: string, marks: RegExp])[] = [
  ['broker', /nats-server/],
  ['postgres', /postgres/],
  ['graph', /java/],
  ['yard', /standalone\/dist\/main\.js/],
];

/** CPU seconds so far of a yard's processes by what they are, of its worker, and of this process, the client. */
export function cpuSeconds(home: string, worker: number): Record<string, number> {
  const { user, system } = process.cpuUsage();
  const seconds: Record<string, number> = {
    worker: useOf(worker).cpuSeconds,
    client: (user + system) / 1e6,
  };
  for (const pid of treeOf(home)) {
    const kind = kindOf(pid);
    if (kind === undefined || pid === worker) continue;
    try {
      // The thread that the roles share is what bounds a yard.
      if (kind === 'yard') seconds['yardMain'] = (seconds['yardMain'] ?? 0) + mainThreadSeconds(pid);
      seconds[kind] = (seconds[kind] ?? 0) + useOf(pid).cpuSeconds;
    } catch {
      // It has ended.
    }
  }
  return seconds;
}

function mainThreadSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Microseconds a task between two readings. */
export function cpuPerTask(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  tasks: number,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).map(([kind, seconds]) => [
      kind,
      Math.round(((seconds - (before[kind] ?? 0)) / tasks) * 1e7) / 10,
    ]),
  );
}

function kindOf(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8');
    return KINDS.find(([, marks]) => marks.test(line))?.[0];
  } catch {
    return undefined;
  }
}
