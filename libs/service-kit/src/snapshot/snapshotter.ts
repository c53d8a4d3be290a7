import type { RoleFold } from '@yardmaster/contracts';
import type { SnapshotRow } from '@yardmaster/domain';
import { roughSize, type Clock } from '@yardmaster/kernel';
import type { EventLog, SnapshotStore, TenantKeystore } from '@yardmaster/ports';
import { breathe } from '../breathe.js';
import { restore } from '../role/restore.js';
import { RoleRunner } from '../role/role-runner.js';
import {
  checkBody,
  encodeFrame,
  encodeSnapshot,
  frameContext,
  framesOf,
  readSnapshotHeader,
  SnapshotDamagedError,
  type SnapshotHeader,
} from './snapshot-codec.js';
import { SnapshotLoader } from './snapshot-loader.js';
import { newestFirst, snapshotFolder, snapshotName } from './snapshot-place.js';

/** Rows in a frame, and their rough bytes: writing one holds its thread for some milliseconds. */
const FRAME_ROWS = 1_000;
const FRAME_BYTES = 256 * 1024;
/** Of each role. One that is found damaged has others behind it. */
const KEPT = 3;
/** At most one part in so many of the time goes into the snapshots of a role. */
const SHARE = 6;
/** An owner that is well has seen what others wrote so long ago. */
const SETTLED_MS = 10_000;

export interface SnapshotterOptions {
  readonly log: EventLog;
  readonly keystore: TenantKeystore;
  readonly store: SnapshotStore;
  readonly clock: Clock;
  /** Folds that know nothing yet, by role. */
  readonly folds: ReadonlyMap<string, () => RoleFold>;
  /** A snapshot is due when so many messages of the role's streams came after the last one. */
  readonly everyMessages: number;
  /** What others wrote counts when it is so old, ms, or an own envelope rests on it. */
  readonly settledMs?: number;
  /** Messages since the last snapshot, at each look. */
  readonly onLag?: (role: string, messages: number) => void;
  readonly onTaken?: (role: string, header: SnapshotHeader, bytes: number) => void;
  readonly onIgnored?: (role: string, name: string, reason: string) => void;
}

/**
 * Takes snapshots of roles from a second fold of the log, so that their owners have nothing to do with it: what is committed is
 * applied once more, in whatever thread this runs, and written down. Invariants: a snapshot says nothing that is not in the log;
 * it is read back and checked before anyone counts on it; the one before stays until then.
 */
export class Snapshotter {
  readonly #newest = new Map<string, SnapshotHeader>();
  readonly #rests = new Map<string, number>();
  readonly #loader: SnapshotLoader;

  constructor(private readonly options: SnapshotterOptions) {
    const { onIgnored } = options;
    this.#loader = new SnapshotLoader({ ...options, ...(onIgnored === undefined ? {} : { onIgnored }) });
  }

  /** Looks at every role once; tells how many snapshots were taken. */
  async runOnce(stop?: AbortSignal): Promise<number> {
    let taken = 0;
    for (const [role, make] of this.options.folds) {
      if (stop?.aborted === true) break;
      if (await this.#isDue(role, make())) taken += Number(await this.take(role));
    }
    return taken;
  }

  /** The newest snapshot of a role that was read back whole; undefined while none is known. */
  async newest(role: string): Promise<SnapshotHeader | undefined> {
    if (!this.#newest.has(role)) await this.#find(role);
    return this.#newest.get(role);
  }

  async #isDue(role: string, { stream, follows }: RoleFold): Promise<boolean> {
    if (this.options.clock.monotonic() < (this.#rests.get(role) ?? -Infinity)) return false;
    const known = (await this.newest(role))?.positions ?? {};
    let behind = 0;
    for (const of of stream === null ? follows : [stream, ...follows])
      behind += (await this.options.log.head(of)).last - (known[of]?.seq ?? 0);
    this.options.onLag?.(role, behind);
    return behind >= this.options.everyMessages;
  }

  /** False when the log ends in the middle of something just now. */
  async take(role: string): Promise<boolean> {
    const { log, keystore, clock, folds, store, onTaken } = this.options;
    const fold = folds.get(role)?.();
    if (fold === undefined) return false;
    const began = clock.monotonic();
    const runner = new RoleRunner(fold);
    const heads = new Map<string, number>();
    // The own stream first: what it rests on is in the others by then, or on its way.
    for (const of of fold.stream === null ? fold.follows : [fold.stream, ...fold.follows])
      heads.set(of, (await log.head(of)).last);
    // The next look begins behind the spoilt one.
    if ((await this.#loader.load(runner, heads)) === 'spoilt') return false;
    const before = JSON.stringify(runner.positions());
    const settledAt = clock.now() - (this.options.settledMs ?? SETTLED_MS);
    await restore(runner, log, keystore, heads, { settledAt });
    if (!runner.isWhole || JSON.stringify(runner.positions()) === before) return false;
    const { header, bytes } = await this.#write(fold, runner);
    const folder = snapshotFolder(role);
    const name = snapshotName(header.positions);
    await store.write(folder, name, bytes);
    const back = await store.read(folder, name);
    if (back === null) throw new SnapshotDamagedError(`snapshot ${folder}/${name} is gone`);
    this.#newest.set(role, await this.#check(back));
    for (const old of newestFirst(await store.list(folder)).slice(KEPT)) await store.drop(folder, old);
    this.#rests.set(role, clock.monotonic() + (clock.monotonic() - began) * SHARE);
    onTaken?.(role, header, bytes.byteLength);
    return true;
  }

  async #write(
    { name: role, snapshot: form }: RoleFold,
    runner: RoleRunner<RoleFold>,
  ): Promise<{ header: SnapshotHeader; bytes: Uint8Array }> {
    const known = runner.known();
    const frames: Uint8Array[] = [];
    let rows: SnapshotRow[] = [];
    let size = 0;
    let count = 0;
    const close = (): void => {
      const context = frameContext({ role, positions: known.positions }, frames.length);
      frames.push(encodeFrame(rows, context, (tenant) => this.options.keystore.keyOf(tenant)));
      rows = [];
      size = 0;
    };
    for (const row of form.rows(runner.at)) {
      rows.push(row);
      count++;
      size += roughSize(row.fields) + (row.sealed === undefined ? 0 : roughSize(row.sealed));
      if (rows.length < FRAME_ROWS && size < FRAME_BYTES) continue;
      close();
      await breathe();
    }
    if (rows.length > 0) close();
    const bytes = encodeSnapshot({ role, schema: form.version, ...known, rows: count }, frames);
    return { header: readSnapshotHeader(bytes).header, bytes };
  }

  async #find(role: string): Promise<void> {
    const { store, onIgnored } = this.options;
    const folder = snapshotFolder(role);
    for (const name of newestFirst(await store.list(folder))) {
      const bytes = await store.read(folder, name);
      if (bytes === null) continue;
      try {
        this.#newest.set(role, await this.#check(bytes));
        return;
      } catch (error) {
        if (!(error instanceof SnapshotDamagedError)) throw error;
        onIgnored?.(role, name, error.message);
      }
    }
  }

  async #check(bytes: Uint8Array): Promise<SnapshotHeader> {
    const { header, body } = readSnapshotHeader(bytes);
    for (const _ of checkBody(header, body)) await breathe();
    let rows = 0;
    for (const frame of framesOf(header, body, () => null)) {
      rows += frame.length;
      await breathe();
    }
    if (rows !== header.rows) throw new SnapshotDamagedError(`holds ${String(rows)} rows`);
    return header;
  }
}
