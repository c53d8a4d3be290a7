import { closeSync, constants, openSync, readSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';

const CHUNK = Buffer.allocUnsafe(64 * 1024);
/** Time for what was killed to let go of its output. */
const LET_GO_MS = 200;

/**
 * The reading end of a named pipe that attempts write to, one after another.
 *
 * A pipe and no file: a script that writes to /dev/stderr would cut a file short. Nobody but the attempt holds the
 * writing end, so end-of-file says that the attempt and all it left behind are through with it. Short attempts are
 * read once, at their end; longer ones by events (`attach`), once their writer is known to be there.
 */
export class OutputPipe {
  #fd: number | null = null;
  #socket: Socket | null = null;
  #ended: Promise<void> = Promise.resolve();

  constructor(
    readonly path: string,
    private readonly onData: (chunk: Buffer) => void,
  ) {}

  open(): void {
    this.#fd ??= openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
  }

  attach(): void {
    if (this.#socket !== null || this.#fd === null) return;
    const socket = new Socket({ fd: this.#fd, readable: true, writable: false });
    this.#socket = socket;
    this.#fd = null;
    socket.on('data', (chunk: Buffer) => {
      this.onData(chunk);
    });
    socket.on('error', () => undefined);
    this.#ended = new Promise((resolve) =>
      socket.once('close', () => {
        resolve();
      }),
    );
    socket.resume();
  }

  /** Takes what is there; true at the end of file, false when someone may still write. */
  drain(): boolean {
    if (this.#fd === null) return true;
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      for (;;) {
        const length = readSync(this.#fd, CHUNK, 0, CHUNK.length, null);
        if (length === 0) return true;
        this.onData(Buffer.from(CHUNK.subarray(0, length)));
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      throw error;
    } finally {
      Error.stackTraceLimit = limit;
    }
  }

  /** Reads to the end of file. False when someone still holds the pipe. */
  async finish(): Promise<boolean> {
    if (this.#socket === null) {
      for (const until = performance.now() + LET_GO_MS; !this.drain();) {
        if (performance.now() > until) return false;
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
      return true;
    }
    const socket = this.#socket;
    let timer: NodeJS.Timeout | undefined;
    const inTime = await Promise.race([
      this.#ended.then(() => true),
      new Promise<false>((resolve) => {
        timer = setTimeout(() => {
          resolve(false);
        }, LET_GO_MS);
      }),
    ]);
    clearTimeout(timer);
    if (inTime) this.#socket = null;
    else socket.unref();
    return inTime;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
    try {
      unlinkSync(this.path);
    } catch {
      // Gone with its directory.
    }
  }
}
