import { readFile, readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { parseSegmentFile, segmentFile, type LogArchive, type SegmentName } from '@yardmaster/ports';
import { isAbsent, writeDurably } from './durable-file.js';

/**
 * Segments as files, a folder for each stream. A file gets its name when its bytes are on disk, and `write` resolves when the
 * name is on disk too: a name never stands for half a segment.
 */
export class DiskLogArchive implements LogArchive {
  constructor(private readonly root: string) {}

  async list(stream: string): Promise<readonly SegmentName[]> {
    let files: string[];
    try {
      files = await readdir(this.folder(stream));
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
    return files
      .sort()
      .map((file) => parseSegmentFile(stream, file))
      .filter((name) => name !== null);
  }

  async write(name: SegmentName, bytes: Uint8Array): Promise<void> {
    const folder = this.folder(name.stream);
    await writeDurably(folder, segmentFile(name), bytes);
  }

  async read(name: SegmentName): Promise<Uint8Array | null> {
    try {
      return await readFile(path.join(this.folder(name.stream), segmentFile(name)));
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  async drop(name: SegmentName): Promise<void> {
    if (name.isSealed) throw new Error(`a sealed segment stays: ${name.stream} ${segmentFile(name)}`);
    const folder = this.folder(name.stream);
    await unlink(path.join(folder, segmentFile(name))).catch((error: unknown) => {
      if (!isAbsent(error)) throw error;
    });
  }

  private folder(stream: string): string {
    if (!/^[a-z0-9-]+$/.test(stream)) throw new RangeError(`${stream} is no stream's name`);
    return path.join(this.root, stream);
  }
}
