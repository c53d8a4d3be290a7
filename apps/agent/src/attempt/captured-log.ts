import { closeSync, existsSync, fstatSync, openSync, readSync, rmSync, writeSync } from 'node:fs';

const CHUNK_BYTES = 1024 * 1024;
const TAIL_BYTES = 600;

/** One stream of one attempt: kept in a file, made when the first byte comes, and cut at its cap. */
export class CapturedLog {
  #fd: number | null = null;
  #length = 0;
  #isTruncated = false;
  #tail = '';
  /** Bytes that the yard has. */
  uploaded = 0;

  constructor(
    readonly path: string,
    private readonly capBytes: number,
  ) {}

  get length(): number {
    return this.#length;
  }

  get isTruncated(): boolean {
    return this.#isTruncated;
  }

  /** The last line or so, for error texts. */
  get tail(): string {
    return this.#tail;
  }

  /** Goes on with what an earlier agent captured; all of it is brought again, for nobody knows how far that got. */
  resume(): void {
    if (!existsSync(this.path)) return;
    this.#fd = openSync(this.path, 'a+');
    this.#length = fstatSync(this.#fd).size;
    this.#isTruncated = this.#length > this.capBytes;
    const end = Buffer.alloc(Math.min(TAIL_BYTES, this.#length));
    readSync(this.#fd, end, 0, end.length, this.#length - end.length);
    this.#tail = end.toString('utf8');
  }

  write(chunk: Buffer): void {
    this.#tail = (this.#tail + chunk.subarray(-TAIL_BYTES).toString('utf8')).slice(-TAIL_BYTES);
    if (this.#isTruncated) return;
    const room = this.capBytes - this.#length;
    if (chunk.length <= room) {
      this.#append(chunk);
      return;
    }
    this.#append(chunk.subarray(0, room));
    this.#isTruncated = true;
    this.#append(
      Buffer.from(`\n[truncated: more than ${this.capBytes} bytes of output; the rest was dropped]\n`),
    );
  }

  /** The next bytes that the yard does not have; null when it has all of them. */
  next(): Buffer | null {
    const length = Math.min(CHUNK_BYTES, this.#length - this.uploaded);
    if (length <= 0 || this.#fd === null) return null;
    const bytes = Buffer.allocUnsafe(length);
    const read = readSync(this.#fd, bytes, 0, length, this.uploaded);
    return read === 0 ? null : bytes.subarray(0, read);
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  remove(): void {
    if (this.#fd === null) return;
    this.close();
    rmSync(this.path, { force: true });
  }

  #append(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#fd ??= openSync(this.path, 'w+', 0o600);
    for (let at = 0; at < chunk.length;) at += writeSync(this.#fd, chunk, at, chunk.length - at);
    this.#length += chunk.length;
  }
}
