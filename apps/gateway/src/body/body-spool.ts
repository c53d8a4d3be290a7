/**
 * Reads request bodies. Small ones are collected in memory; a large one goes to a file as it comes in, however slowly, and is
 * read back once it is whole and it is its turn, so that slow or many uploads take disk and not memory.
 *
 * Owns: the files of bodies on their way. Invariants: a file has no name from its first byte on, so that a crash leaves none
 * behind; at most AT_ONCE large bodies are in memory at a time.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { YardError, rejection } from '@yardmaster/contracts';

export const SPOOLED_FROM_BYTES = 512 * 1024;
const AT_ONCE = 2;

export interface ReadBody {
  readonly bytes: Buffer;
  /** To be called once the bytes are not needed any more. */
  readonly done: () => void;
}

const NOTHING = (): void => undefined;

export class BodySpool {
  #inMemory = 0;
  #queue: (() => void)[] = [];

  constructor(private readonly directory: string) {}

  /** Large bodies in memory now. */
  get inMemory(): number {
    return this.#inMemory;
  }

  async read(payload: Readable, limit: number): Promise<ReadBody> {
    const begun = await collect(payload, limit);
    if (begun.isWhole) return { bytes: joined(begun), done: NOTHING };
    const file = await this.#openFile();
    try {
      const size = await spool(payload, begun, file, limit);
      await this.#turn();
      const done = this.#once();
      try {
        if (payload.errored !== null) throw gone();
        const bytes = Buffer.allocUnsafe(size);
        for (let at = 0; at < size;) {
          const { bytesRead } = await file.read(bytes, at, size - at, at);
          if (bytesRead === 0) throw new Error('the file of a body is shorter than what was written to it');
          at += bytesRead;
        }
        return { bytes, done };
      } catch (cause) {
        done();
        throw cause;
      }
    } finally {
      await file.close();
    }
  }

  async #openFile(): Promise<FileHandle> {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const name = path.join(this.directory, `body-${randomUUID()}`);
    const file = await open(name, 'wx+', 0o600);
    await unlink(name);
    return file;
  }

  async #turn(): Promise<void> {
    if (this.#inMemory >= AT_ONCE)
      await new Promise<void>((resolve) => {
        this.#queue.push(resolve);
      });
    else this.#inMemory++;
  }

  #once(): () => void {
    let isDone = false;
    return () => {
      if (isDone) return;
      isDone = true;
      const next = this.#queue.shift();
      // The place goes straight to the next in line.
      if (next === undefined) this.#inMemory--;
      else next();
    };
  }
}

interface Begun {
  readonly chunks: readonly Buffer[];
  readonly size: number;
  readonly isWhole: boolean;
}

/** The whole of a small body, or the beginning of a large one. */
function collect(payload: Readable, limit: number): Promise<Begun> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const leave = (): void => {
      payload.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
    };
    const onData = (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= Math.min(limit, SPOOLED_FROM_BYTES)) return;
      leave();
      payload.pause();
      if (size > limit) reject(tooLarge(limit));
      else resolve({ chunks, size, isWhole: false });
    };
    const onEnd = (): void => {
      leave();
      resolve({ chunks, size, isWhole: true });
    };
    const onError = (): void => {
      leave();
      reject(gone());
    };
    const onClose = onError;
    payload.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

/** Writes the rest of a body behind its beginning; returns its size. */
async function spool(payload: Readable, begun: Begun, file: FileHandle, limit: number): Promise<number> {
  await file.writev(begun.chunks as Buffer[]);
  let { size } = begun;
  try {
    // Left open when it is too large: its sender still has to be told.
    for await (const chunk of payload.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLarge(limit);
      await file.write(chunk);
    }
  } catch (cause) {
    if (cause instanceof YardError) throw cause;
    throw payload.errored === null && !payload.destroyed ? cause : gone();
  }
  return size;
}

const joined = ({ chunks, size }: Begun): Buffer => {
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, size);
};

const tooLarge = (limit: number): YardError =>
  new YardError(
    rejection('payload-too-large', `this address takes bodies up to ${String(limit / 1024)} KiB`),
  );
const gone = (): YardError =>
  new YardError(rejection('invalid-request', 'the body ended before it was whole'));
