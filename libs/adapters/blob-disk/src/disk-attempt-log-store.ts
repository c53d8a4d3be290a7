import { mkdir, open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { AttemptLogStore, LogStreamName } from '@yardmaster/ports';

const ID = /^[0-9]{1,19}$/;

/** Output of attempts as files `<dir>/<tenant>/<last two digits of the task>/<task>/<attempt>.<stream>`. */
export class DiskAttemptLogStore implements AttemptLogStore {
  constructor(private readonly directory: string) {}

  async append(tenant: number, task: string, attempt: number, stream: LogStreamName, offset: number, bytes: Uint8Array): Promise<number> {
    const place = this.#place(tenant, task, attempt, stream);
    await mkdir(path.dirname(place), { recursive: true, mode: 0o700 });
    const file = await open(place, 'a+', 0o600);
    try {
      const { size } = await file.stat();
      // What is there already came with an earlier try; a hole would mean that one was lost, so the sender begins where the file ends.
      if (offset > size) return size;
      const fresh = bytes.subarray(size - offset);
      if (fresh.length > 0) await file.write(fresh);
      return size + Math.max(0, fresh.length);
    } finally {
      await file.close();
    }
  }

  async read(tenant: number, task: string, attempt: number, stream: LogStreamName, offset: number, limit: number): Promise<Uint8Array> {
    let file: FileHandle;
    try {
      file = await open(this.#place(tenant, task, attempt, stream), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Uint8Array(0);
      throw error;
    }
    try {
      const buffer = Buffer.alloc(limit);
      const { bytesRead } = await file.read(buffer, 0, limit, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  #place(tenant: number, task: string, attempt: number, stream: LogStreamName): string {
    if (!ID.test(task) || !Number.isSafeInteger(attempt) || attempt < 0 || (stream !== 'stdout' && stream !== 'stderr')) {
      throw new RangeError('not the address of an attempt log');
    }
    return path.join(this.directory, String(Math.trunc(tenant)), task.slice(-2), task, `${String(attempt)}.${stream}`);
  }
}
