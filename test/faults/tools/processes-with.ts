import { readdirSync, readFileSync } from 'node:fs';

/** Processes with a word in their command line or environment. */
export function processesWith(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && hasWord(pid, mark));
}

function hasWord(pid: number, mark: string): boolean {
  return ['cmdline', 'environ'].some((part) => {
    try {
      return readFileSync(`/proc/${String(pid)}/${part}`, 'utf8').includes(mark);
    } catch {
      return false;
    }
  });
}
