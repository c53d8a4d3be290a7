import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';

/**
 * The name of the yard in one process of a state directory, the same at every start: so a yard that starts again after a crash
 * is known as the successor of the one before, and waits for nobody.
 */
export function nodeNameOf(home: string): string {
  const file = path.join(home, 'run', 'node');
  try {
    const name = readFileSync(file, 'utf8').trim();
    if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return name;
  } catch {
    // The first start here.
  }
  const machine = hostname()
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, 24);
  const name = `standalone-${machine}-${randomBytes(3).toString('hex')}`;
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${name}\n`, { mode: 0o600 });
  return name;
}
