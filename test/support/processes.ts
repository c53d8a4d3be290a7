import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessUse {
  readonly rssMb: number;
  readonly cpuSeconds: number;
}

/** Memory and CPU time so far of one process, from /proc. */
export function useOf(pid: number): ProcessUse {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  const rss = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  const fields = statOf(pid);
  return { rssMb: rss, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100 };
}

/** Every living process of a state directory, by environment, command line or working directory: yard, keeper, servers, agent, tasks. */
export function treeOf(home: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && belongsTo(pid, home));
}

/** The same with their command lines, for messages. */
export function describeTree(home: string): string[] {
  return treeOf(home).map(
    (pid) =>
      `${String(pid)} ${read(`/proc/${String(pid)}/cmdline`)
        .replaceAll('\0', ' ')
        .slice(0, 160)}`,
  );
}

/** Kills every process of a state directory, also those that are started meanwhile, and waits until they are gone. */
export async function killTree(home: string): Promise<void> {
  for (let pids = treeOf(home); pids.length > 0; pids = treeOf(home)) {
    for (const pid of pids) kill(pid, 'SIGKILL');
    await pause(20);
  }
}

export function isAlive(pid: number): boolean {
  try {
    return statOf(pid)[0] !== 'Z';
  } catch {
    return false;
  }
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has gone by itself.
  }
}

/** Looks again and again until there is something; throws with `what` after `withinMs`. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  { withinMs = 30_000, everyMs = 50 } = {},
): Promise<Exclude<T, false | null | undefined>> {
  const end = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false)
      return seen as Exclude<T, false | null | undefined>;
    if (Date.now() > end) throw new Error(`waited ${String(withinMs)} ms in vain for ${what}`);
    await pause(everyMs);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function belongsTo(pid: number, home: string): boolean {
  const at = `/proc/${String(pid)}`;
  try {
    if (statOf(pid)[0] === 'Z') return false;
  } catch {
    return false;
  }
  if ((read(`${at}/environ`) + read(`${at}/cmdline`)).includes(home)) return true;
  try {
    return readlinkSync(`${at}/cwd`).startsWith(home);
  } catch {
    return false;
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Fields of /proc/PID/stat from the state on. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
