import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { AttemptLogStore, LogStreamName } from '@yardmaster/ports';
import { DurableFolders } from './durable-folders.js';
import { logPlace } from './place.js';

const SYNC_AFTER_MS = 1_000;
const NOTHING = new Uint8Array(0);

/**
 * Output as files: `logs/<tenant>/<prefix>/<task>/<attempt>.<stream>`. Output is no truth that a decision rests on:
 * it is synced within a second of its arrival, not before the answer, so that chatty tasks do not slow the log.
 */
export class DiskAttemptLogStore implements AttemptLogStore {
  private readonly folders: DurableFolders;
  private readonly turns = new Map<string, Promise<unknown>>();
  private readonly unsynced = new Set<string>();
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly root: string) {
    this.folders = new DurableFolders(root);
  }

  /** Bytes past the end are not written, since what is between is not known: the length tells where to go on. */
  append(
    tenant: number,
    task: string,
    attempt: number,
    stream: LogStreamName,
    offset: number,
    bytes: Uint8Array,
  ): Promise<number> {
    const file = logPlace(this.root, tenant, task, attempt, stream);
    if (file === null || !Number.isSafeInteger(offset) || offset < 0) {
      return Promise.reject(
        new RangeError(`no place for ${stream} of attempt ${String(attempt)} of ${task}`),
      );
    }
    return this.inTurn(file, () => this.write(file, offset, bytes));
  }

  async read(
    tenant: number,
    task: string,
    attempt: number,
    stream: LogStreamName,
    offset: number,
    limit: number,
  ): Promise<Uint8Array> {
    const file = logPlace(this.root, tenant, task, attempt, stream);
    if (file === null || offset < 0 || limit <= 0) return NOTHING;
    let handle: FileHandle;
    try {
      handle = await open(file, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING;
      throw error;
    }
    try {
      const { size } = await handle.stat();
      const wanted = Buffer.alloc(Math.max(0, Math.min(limit, size - offset)));
      if (wanted.byteLength === 0) return NOTHING;
      const { bytesRead } = await handle.read(wanted, 0, wanted.byteLength, offset);
      return wanted.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  }

  /** Syncs what is not synced yet. */
  async close(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    await this.syncAll();
  }

  private async write(file: string, offset: number, bytes: Uint8Array): Promise<number> {
    await this.folders.make(path.dirname(file));
    const handle = await open(file, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const { size } = await handle.stat();
      const known = size - offset;
      if (known < 0 || known >= bytes.byteLength) return size;
      const fresh = bytes.subarray(known);
      await handle.write(fresh, 0, fresh.byteLength, size);
      this.syncSoon(file);
      return size + fresh.byteLength;
    } finally {
      await handle.close();
    }
  }

  private async inTurn<T>(file: string, act: () => Promise<T>): Promise<T> {
    const before = this.turns.get(file) ?? Promise.resolve();
    const turn = before.then(act, act);
    this.turns.set(file, turn);
    try {
      return await turn;
    } finally {
      if (this.turns.get(file) === turn) this.turns.delete(file);
    }
  }

  private syncSoon(file: string): void {
    this.unsynced.add(file);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      void this.syncAll();
    }, SYNC_AFTER_MS);
    this.timer.unref();
  }

  private async syncAll(): Promise<void> {
    const files = [...this.unsynced];
    this.unsynced.clear();
    for (const file of files) {
      const handle = await open(file, 'r+').catch(() => null);
      await handle?.datasync().catch(() => undefined);
      await handle?.close();
    }
  }
}
