import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** Where what was built or fetched once is kept for all yards of this user: `YARD_CACHE`, or the usual place. */
export function cacheDirectory(env: NodeJS.ProcessEnv, ...segments: string[]): string {
  const base =
    env['YARD_CACHE'] ?? path.join(env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'yardmaster');
  const directory = path.resolve(base, ...segments);
  mkdirSync(directory, { recursive: true });
  return directory;
}
