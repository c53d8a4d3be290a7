import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { endProcess, processRef } from './process-ref.js';

/**
 * Ends processes of `program` that were started with exactly this argument (a path of this home) and that
 * nobody keeps: left by a keeper that was killed in the moment between starting them and writing that down. Two servers on
 * one data directory would be worse than a slow start.
 */
export async function endOrphans(program: string, argument: string, signal: NodeJS.Signals): Promise<void> {
  if (process.platform !== 'linux') return;
  const orphans = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isRunOf(argumentsOf(name), program, argument))
    .flatMap((name) => processRef(Number(name)) ?? []);
  await Promise.all(orphans.map((ref) => endProcess(ref, signal, 10_000)));
}

function isRunOf([command = '', ...args]: string[], program: string, argument: string): boolean {
  return path.basename(command) === program && args.includes(argument);
}

function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
