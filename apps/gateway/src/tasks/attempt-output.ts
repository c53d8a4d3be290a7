import { LIMITS, YardError, rejection } from '@yardmaster/contracts';
import type { AttemptLogStore, LogStreamName } from '@yardmaster/ports';

const CHUNK_BYTES = 256 * 1024;
/** Output that reached another gateway is not told here: it is looked for this often. */
const LOOK_MS = 500;

interface Wanted {
  readonly tenant: number;
  readonly task: string;
  readonly attempt: number;
  readonly stream: LogStreamName;
  readonly offset: number;
}

/** Output of attempts: written by workers, read by tenants while it grows. */
export class AttemptOutput {
  readonly #readers = new Map<string, Set<() => void>>();

  constructor(private readonly store: AttemptLogStore) {}

  async append(
    tenant: number,
    task: string,
    attempt: number,
    stream: LogStreamName,
    offset: number,
    bytes: Uint8Array,
  ): Promise<number> {
    if (bytes.length > LIMITS.logChunkBytes)
      throw new YardError(
        rejection(
          'payload-too-large',
          `one piece of output is at most ${String(LIMITS.logChunkBytes >> 20)} MiB`,
        ),
      );
    const length = await this.store.append(tenant, task, attempt, stream, offset, bytes);
    for (const wake of this.#readers.get(keyOf({ tenant, task, attempt, stream })) ?? []) wake();
    return length;
  }

  /** Pieces from `offset` on. With `isOver` it goes on until that says true and nothing is left. */
  async *read(
    { tenant, task, attempt, stream, offset }: Wanted,
    isOver: (() => Promise<boolean>) | null,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let at = offset;
    let wasOver = isOver === null;
    while (!signal.aborted) {
      const piece = await this.store.read(tenant, task, attempt, stream, at, CHUNK_BYTES);
      if (piece.length > 0) {
        at += piece.length;
        yield piece;
        continue;
      }
      if (wasOver) return;
      // What was written before the end is read once more after it.
      wasOver = (await isOver?.()) ?? true;
      if (!wasOver) await this.#more({ tenant, task, attempt, stream }, signal);
    }
  }

  async #more(wanted: Omit<Wanted, 'offset'>, signal: AbortSignal): Promise<void> {
    const key = keyOf(wanted);
    const readers = this.#readers.get(key) ?? new Set();
    this.#readers.set(key, readers);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        readers.delete(done);
        if (readers.size === 0) this.#readers.delete(key);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, LOOK_MS);
      readers.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

function keyOf({ tenant, task, attempt, stream }: Omit<Wanted, 'offset'>): string {
  return `${String(tenant)}/${task}/${String(attempt)}/${stream}`;
}
