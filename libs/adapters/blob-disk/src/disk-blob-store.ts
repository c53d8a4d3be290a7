import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { BlobStore } from '@yardmaster/ports';

const SHA256 = /^[0-9a-f]{64}$/;

/** Blobs as files `<dir>/<tenant>/<first two digits>/<sha256>`: written beside, synced, renamed, folder synced. */
export class DiskBlobStore implements BlobStore {
  constructor(private readonly directory: string) {}

  async put(tenant: number, bytes: Uint8Array): Promise<string> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const place = this.#place(tenant, sha256);
    // The name tells the content, so a file of the right length is the right one.
    if ((await sizeOf(place)) === bytes.length) return sha256;
    const folder = path.dirname(place);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const draft = `${place}.${randomBytes(6).toString('hex')}`;
    try {
      await writeSynced(draft, bytes);
      await rename(draft, place);
    } catch (error) {
      await unlink(draft).catch(() => undefined);
      throw error;
    }
    await syncFolder(folder);
    return sha256;
  }

  async get(tenant: number, sha256: string): Promise<Uint8Array | null> {
    if (!SHA256.test(sha256)) return null;
    try {
      return await readFile(this.#place(tenant, sha256));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  #place(tenant: number, sha256: string): string {
    return path.join(this.directory, String(Math.trunc(tenant)), sha256.slice(0, 2), sha256);
  }
}

async function sizeOf(place: string): Promise<number | null> {
  try {
    return (await stat(place)).size;
  } catch {
    return null;
  }
}

async function writeSynced(place: string, bytes: Uint8Array): Promise<void> {
  const file = await open(place, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
