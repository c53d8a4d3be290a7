import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that cannot be mistaken for a later one with the same id. */
export interface ProcessRef {
  readonly pid: number;
  /** When it started, in the operating system's own words; only compared for equality. */
  readonly started: string;
}

/** Undefined when no such process runs. A zombie does not run. */
export function processRef(pid: number): ProcessRef | undefined {
  const started = process.platform === 'linux' ? startedOnLinux(pid) : startedElsewhere(pid);
  return started === undefined ? undefined : { pid, started };
}

export function isRunning(ref: ProcessRef): boolean {
  return processRef(ref.pid)?.started === ref.started;
}

/** Asks with `signal`, then insists with SIGKILL; returns when the process is gone. */
export async function endProcess(ref: ProcessRef, signal: NodeJS.Signals, patienceMs: number): Promise<void> {
  send(ref, signal);
  if (await isGoneWithin(ref, patienceMs)) return;
  send(ref, 'SIGKILL');
  await isGoneWithin(ref, 5_000);
}

async function isGoneWithin(ref: ProcessRef, patienceMs: number): Promise<boolean> {
  const until = performance.now() + patienceMs;
  while (isRunning(ref)) {
    if (performance.now() > until) return false;
    await sleep(10);
  }
  return true;
}

function send(ref: ProcessRef, signal: NodeJS.Signals): void {
  if (!isRunning(ref)) return;
  try {
    process.kill(ref.pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}

function startedOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name may hold blanks and brackets, so count from the last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function startedElsewhere(pid: number): string | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return line === '' || line.startsWith('Z') ? undefined : line.slice(line.indexOf(' ')).trim();
  } catch {
    return undefined;
  }
}
