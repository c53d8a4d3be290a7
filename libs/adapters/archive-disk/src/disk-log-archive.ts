import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { parseSegmentFile, segmentFile, type LogArchive, type SegmentName } from '@yardmaster/ports';

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
    await this.makeFolder(folder);
    const draft = path.join(folder, `.${randomUUID()}.new`);
    try {
      const file = await open(draft, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, path.join(folder, segmentFile(name)));
    } catch (error) {
      await unlink(draft).catch(() => undefined);
      throw error;
    }
    await sync(folder);
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

  /** The folder itself has to survive a power cut too, up to where one was there before. */
  private async makeFolder(folder: string): Promise<void> {
    const first = await mkdir(folder, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    for (let at = folder; at.length >= path.dirname(first).length; at = path.dirname(at)) await sync(at);
  }
}

async function sync(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
