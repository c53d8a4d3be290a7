import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { KeyRole } from '@yardmaster/domain';
import { newKey } from './keys.js';
import type { FirstKey } from './limits.role.js';

const FILES: readonly { file: string; role: KeyRole; name: string }[] = [
  { file: 'operator.token', role: 'operator', name: 'operator' },
  { file: 'agent.token', role: 'agent', name: 'local agent' },
];

/** The keys that a state directory starts with, in 0600 files. A file that was removed is written anew: that mends a lost key. */
export function firstKeys(home: string): FirstKey[] {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  return FILES.map(({ file, role, name }) => {
    const place = path.join(home, file);
    if (!existsSync(place)) writePrivately(place, `${newKey().key}\n`);
    const key = readFileSync(place, 'utf8').trim();
    return { role, name, key, keyId: key.split('_')[2] ?? '' };
  });
}

function writePrivately(place: string, text: string): void {
  const fd = openSync(place, 'wx', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
