import { readFile, readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { isSnapshotPlace, type SnapshotStore } from '@yardmaster/ports';
import { isAbsent, writeDurably } from './durable-file.js';

/** Snapshots as files beside the segments of the log, under `snapshots`. */
export class DiskSnapshotStore implements SnapshotStore {
  constructor(private readonly root: string) {}

  async list(folder: string): Promise<readonly string[]> {
    try {
      return (await readdir(this.#place(folder))).filter(isSnapshotPlace).sort();
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  async write(folder: string, name: string, bytes: Uint8Array): Promise<void> {
    this.#place(folder, name);
    await writeDurably(this.#place(folder), name, bytes);
  }

  async read(folder: string, name: string): Promise<Uint8Array | null> {
    try {
      return await readFile(this.#place(folder, name));
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  async drop(folder: string, name: string): Promise<void> {
    await unlink(this.#place(folder, name)).catch((error: unknown) => {
      if (!isAbsent(error)) throw error;
    });
  }

  #place(...parts: readonly string[]): string {
    for (const part of parts)
      if (!isSnapshotPlace(part)) throw new RangeError(`${part} is no name of a snapshot`);
    return path.join(this.root, 'snapshots', ...parts);
  }
}
