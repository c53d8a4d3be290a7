import { createHash, randomUUID } from 'node:crypto';
import { open, readFile, readdir, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { BlobStore } from '@yardmaster/ports';
import { DurableFolders, syncFolder } from './durable-folders.js';
import { blobPlace } from './place.js';

/** Puts remembered, so that a repeat does not touch the disk. */
const REMEMBERED_PUTS = 10_000;
const ABANDONED_AFTER_MS = 24 * 3_600_000;

/** What was read is not what was written. */
export class BlobDamagedError extends Error {
  override readonly name = 'BlobDamagedError';
  readonly code = 'blob-damaged';
  constructor(readonly sha256: string) {
    super(`blob ${sha256} is damaged on disk`);
  }
}

/**
 * Blobs as files: `blobs/<tenant>/<aa>/<sha256>`. A file gets its name only when its bytes are on disk, so a name
 * never stands for half a blob; `put` resolves when the name is on disk too.
 */
export class DiskBlobStore implements BlobStore {
  private readonly folders: DurableFolders;
  private readonly durable = new Set<string>();
  private readonly underway = new Map<string, Promise<void>>();

  constructor(private readonly root: string) {
    this.folders = new DurableFolders(root);
  }

  async put(tenant: number, bytes: Uint8Array): Promise<string> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const file = blobPlace(this.root, tenant, sha256);
    if (file === null) throw new RangeError(`${String(tenant)} is not a tenant number`);
    if (this.durable.has(file)) return sha256;
    let writing = this.underway.get(file);
    if (writing === undefined) {
      writing = this.write(file, bytes).finally(() => this.underway.delete(file));
      this.underway.set(file, writing);
    }
    await writing;
    return sha256;
  }

  async get(tenant: number, sha256: string): Promise<Uint8Array | null> {
    const file = blobPlace(this.root, tenant, sha256);
    if (file === null) return null;
    let bytes: Buffer;
    try {
      bytes = await readFile(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.durable.delete(file);
      return null;
    }
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw new BlobDamagedError(sha256);
    return bytes;
  }

  /** Removes what writers that died left behind long ago. */
  async sweep(now: number): Promise<void> {
    const folder = path.join(this.root, 'tmp');
    for (const name of await readdir(folder).catch(() => [])) {
      const file = path.join(folder, name);
      const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: now }));
      if (now - mtimeMs > ABANDONED_AFTER_MS) await unlink(file).catch(() => undefined);
    }
  }

  private async write(file: string, bytes: Uint8Array): Promise<void> {
    const folder = path.dirname(file);
    await this.folders.make(folder);
    const isThere = await stat(file).then(
      ({ size }) => size === bytes.byteLength,
      () => false,
    );
    // Whoever wrote it may not have synced the folder yet.
    if (!isThere) await this.writeNew(file, bytes);
    await syncFolder(folder);
    this.remember(file);
  }

  private async writeNew(file: string, bytes: Uint8Array): Promise<void> {
    const temporary = path.join(this.root, 'tmp', randomUUID());
    await this.folders.make(path.dirname(temporary));
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
      await handle.close();
      await rename(temporary, file);
    } catch (error) {
      await handle.close().catch(() => undefined);
      await unlink(temporary).catch(() => undefined);
      this.folders.forget(path.dirname(file));
      throw error;
    }
  }

  private remember(file: string): void {
    this.durable.add(file);
    if (this.durable.size <= REMEMBERED_PUTS) return;
    const [oldest] = this.durable;
    if (oldest !== undefined) this.durable.delete(oldest);
  }
}
