import { hashOf, readerOf } from '@yardmaster/contracts';
import type { EventLog, SnapshotStore, TenantKeystore } from '@yardmaster/ports';
import { breathe } from '../breathe.js';
import { EnvelopeReader } from '../log/envelope-reader.js';
import type { Folding } from '../role/role.js';
import type { RoleRunner } from '../role/role-runner.js';
import {
  checkBody,
  framesOf,
  readSnapshotHeader,
  SnapshotDamagedError,
  type SnapshotHeader,
} from './snapshot-codec.js';
import { newestFirst, snapshotFolder } from './snapshot-place.js';

export interface SnapshotLoaderOptions {
  readonly store: SnapshotStore;
  readonly log: EventLog;
  readonly keystore: TenantKeystore;
  /** A snapshot that was not used, and why. */
  readonly onIgnored?: (role: string, name: string, reason: string) => void;
  readonly onUsed?: (role: string, name: string) => void;
}

/**
 * - `resumed`: the role stands where a snapshot was taken;
 * - `empty`: there was none that holds, and the role knows nothing;
 * - `spoilt`: rows that were whole could not be read, and what the role knows is of no use; the next load passes that snapshot over.
 */
export type Loaded = 'resumed' | 'empty' | 'spoilt';

/**
 * Puts roles where their newest snapshot was taken. Invariants: the log is right, a snapshot is only quick: it counts when every
 * envelope that it was folded up to is in the log, or its archive, with the same hash, and when its owner had seen as much as it
 * has when it wrote on; anything else is said and passed over.
 */
export class SnapshotLoader {
  readonly #spoilt = new Set<string>();

  constructor(private readonly options: SnapshotLoaderOptions) {}

  /** `heads`: what the role will be restored up to. */
  async load(runner: RoleRunner<Folding>, heads: ReadonlyMap<string, number>): Promise<Loaded> {
    const { store, onIgnored, onUsed } = this.options;
    const { name: role, snapshot: form } = runner.role;
    if (form === undefined) return 'empty';
    const folder = snapshotFolder(role);
    for (const name of newestFirst(await store.list(folder))) {
      if (this.#spoilt.has(`${folder}/${name}`)) continue;
      let header: SnapshotHeader;
      let body: Uint8Array;
      try {
        const bytes = await store.read(folder, name);
        // A newer one has replaced it meanwhile.
        if (bytes === null) continue;
        ({ header, body } = readSnapshotHeader(bytes));
        await this.#mustFit(header, runner, heads);
        await this.#mustNotBePassed(header, runner, heads);
        for (const _ of checkBody(header, body)) await breathe();
      } catch (error) {
        if (!(error instanceof SnapshotDamagedError)) throw error;
        onIgnored?.(role, name, error.message);
        continue;
      }
      try {
        const read = readerOf(form, header.schema);
        for (const rows of framesOf(header, body, (tenant) => this.options.keystore.keyOf(tenant))) {
          for (const row of rows) read(row);
          await breathe();
        }
      } catch (error) {
        this.#spoilt.add(`${folder}/${name}`);
        onIgnored?.(role, name, `cannot be read: ${(error as Error).message}`);
        return 'spoilt';
      }
      runner.resume(header);
      onUsed?.(role, name);
      return 'resumed';
    }
    return 'empty';
  }

  /** Throws SnapshotDamagedError when it is not of this role, of this version or of this log. */
  async #mustFit(
    { role, schema, positions }: SnapshotHeader,
    { role: { name, snapshot, stream, follows } }: RoleRunner<Folding>,
    heads: ReadonlyMap<string, number>,
  ): Promise<void> {
    if (role !== name) throw new SnapshotDamagedError(`is one of ${role}`);
    const version = snapshot?.version ?? 0;
    if (schema > version)
      throw new SnapshotDamagedError(
        `has rows of version ${String(schema)}, newer than this program reads (${String(version)})`,
      );
    for (const [of, { seq, hash }] of Object.entries(positions)) {
      if (of !== stream && !follows.includes(of)) throw new SnapshotDamagedError(`has read ${of}`);
      const head = heads.get(of) ?? 0;
      if (seq > head)
        throw new SnapshotDamagedError(
          `has seen ${of} up to ${String(seq)}, and the log ends at ${String(head)}`,
        );
      for await (const { data } of this.options.log.read(of, seq, seq))
        if (hashOf(data) !== hash)
          throw new SnapshotDamagedError(
            `has seen another envelope ${String(seq)} of ${of} than the log has`,
          );
    }
  }

  /**
   * It may have applied more of a followed stream than the last own envelope in it rests on. The owner's next envelope has to rest
   * on that too: else it was decided before, and would be applied after. Throws SnapshotDamagedError.
   */
  async #mustNotBePassed(
    { positions, rested }: SnapshotHeader,
    { role: { stream } }: RoleRunner<Folding>,
    heads: ReadonlyMap<string, number>,
  ): Promise<void> {
    const next = stream === null ? Infinity : (positions[stream]?.seq ?? 0) + 1;
    if (stream === null || next > (heads.get(stream) ?? 0)) return;
    const { log, keystore } = this.options;
    for await (const { causes } of new EnvelopeReader(log, stream, keystore).read(next, next))
      for (const [of, { seq }] of Object.entries(positions)) {
        if (of === stream || seq <= (rested[of] ?? 0)) continue;
        if (!causes.some(([cause, upTo]) => cause === of && upTo >= seq))
          throw new SnapshotDamagedError(
            `has seen ${of} up to ${String(seq)}, which its owner had not when it wrote on`,
          );
      }
  }
}
