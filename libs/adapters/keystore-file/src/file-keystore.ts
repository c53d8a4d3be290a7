import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { TenantKeystore } from '@yardmaster/ports';

const KEY_BYTES = 32;

/**
 * Data keys as 0600 files `<dir>/<tenant>.key`. Safe for several processes: a key is written whole under another name and
 * linked into place, which only one of them can do. An empty file marks a destroyed key.
 */
export class FileKeystore implements TenantKeystore {
  readonly #keys = new Map<number, Uint8Array | null>();

  constructor(private readonly directory: string) {}

  keyOf(tenant: number): Uint8Array | null {
    const known = this.#keys.get(tenant);
    if (known !== undefined) return known;
    const place = path.join(this.directory, `${String(Math.trunc(tenant))}.key`);
    const bytes = readKey(place) ?? this.#create(place);
    const key = bytes.length === 0 ? null : bytes;
    if (key !== null && key.length !== KEY_BYTES)
      throw new Error(
        `the key file of tenant ${String(tenant)} is damaged: restore it from its backup, without it the tenant's content cannot be read`,
      );
    this.#keys.set(tenant, key);
    return key;
  }

  #create(place: string): Uint8Array {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const draft = `${place}.${randomBytes(6).toString('hex')}`;
    const fd = openSync(draft, 'wx', 0o600);
    try {
      writeSync(fd, randomBytes(KEY_BYTES));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    try {
      linkSync(draft, place);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      unlinkSync(draft);
    }
    syncFolder(this.directory);
    return readFileSync(place);
  }
}

function readKey(place: string): Uint8Array | null {
  try {
    return readFileSync(place);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
