import { closeSync, fdatasync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { pack, unpack, type Report, type ReportAnswer } from '@yardmaster/contracts';
import type { ReportJournal } from '@yardmaster/sdk/session';

type Entry = readonly ['r', readonly Report[]] | readonly ['k', readonly ReportAnswer[]];
const HEAD_BYTES = 8;
const REWRITE_BYTES = 4 * 1024 * 1024;

/**
 * Reports in an append-only file: records of [length u32, crc32 u32, msgpack]. Reports are synced before `append`
 * resolves, all of a batch at once; answers are written along and never synced. A torn end is cut off when reading.
 */
export class FileReportJournal implements ReportJournal {
  readonly #open = new Map<string, Report>();
  #fd: number;
  #length: number;
  #isWriting = false;
  #settled: ReportAnswer[] = [];

  constructor(private readonly path: string) {
    for (const entry of readEntries(path)) {
      if (entry[0] === 'r') for (const report of entry[1]) this.#open.set(key(report), report);
      else for (const answer of entry[1]) this.#open.delete(key(answer));
    }
    this.#length = this.#rewrite();
    this.#fd = openSync(path, 'a', 0o600);
  }

  pending(): readonly Report[] {
    return [...this.#open.values()];
  }

  has(task: string, attempt: number, fence: number): boolean {
    return this.#open.has(`${task}:${attempt}:${fence}`);
  }

  async append(reports: readonly Report[]): Promise<void> {
    this.#isWriting = true;
    try {
      // Between two batches nothing is being written, so this is when the file may be exchanged.
      if (this.#length > REWRITE_BYTES) this.#exchange();
      for (const report of reports) this.#open.set(key(report), report);
      const answers = this.#settled;
      this.#settled = [];
      const bytes =
        answers.length === 0
          ? encode(['r', reports])
          : Buffer.concat([encode(['k', answers]), encode(['r', reports])]);
      // Into the page cache, which takes no time to speak of; the disk is what is waited for.
      writeAll(this.#fd, bytes);
      this.#length += bytes.length;
      await new Promise<void>((resolve, reject) => {
        fdatasync(this.#fd, (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
    } finally {
      this.#isWriting = false;
    }
  }

  settle(answers: readonly ReportAnswer[]): void {
    for (const answer of answers) {
      this.#open.delete(key(answer));
      this.#settled.push(answer);
    }
    // Otherwise they ride along with the next batch.
    if (!this.#isWriting && this.#open.size === 0) this.#flushSettled();
  }

  close(): void {
    this.#flushSettled();
    closeSync(this.#fd);
  }

  #flushSettled(): void {
    if (this.#settled.length === 0) return;
    const bytes = encode(['k', this.#settled]);
    this.#settled = [];
    writeAll(this.#fd, bytes);
    this.#length += bytes.length;
  }

  #exchange(): void {
    closeSync(this.#fd);
    this.#settled = [];
    this.#length = this.#rewrite();
    this.#fd = openSync(this.path, 'a', 0o600);
  }

  /** Writes what is open to a new file in the place of the old one; its length. */
  #rewrite(): number {
    const fresh = `${this.path}.new`;
    const bytes = this.#open.size === 0 ? Buffer.alloc(0) : encode(['r', this.pending()]);
    const fd = openSync(fresh, 'w', 0o600);
    writeAll(fd, bytes);
    fsyncSync(fd);
    closeSync(fd);
    renameSync(fresh, this.path);
    const dir = openSync(dirname(this.path), 'r');
    fsyncSync(dir);
    closeSync(dir);
    return bytes.length;
  }
}

function key([task, attempt, fence]: Report | ReportAnswer): string {
  return `${task}:${attempt}:${fence}`;
}

function encode(entry: Entry): Buffer {
  const body = pack(entry);
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + body.length);
  bytes.writeUInt32LE(body.length, 0);
  bytes.writeUInt32LE(crc32(body), 4);
  bytes.set(body, HEAD_BYTES);
  return bytes;
}

function readEntries(path: string): Entry[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const entries: Entry[] = [];
  for (let at = 0; at + HEAD_BYTES <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    const body = bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
    if (body.length < length || crc32(body) !== bytes.readUInt32LE(at + 4)) break;
    entries.push(unpack(body) as Entry);
    at += HEAD_BYTES + length;
  }
  return entries;
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
}
