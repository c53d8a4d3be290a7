import pg from 'pg';
import { clientConfig, type ReadModelConnection } from '../connection.js';
import { CheckpointConflictError } from '../errors.js';
import type { AttemptChange, ReadModelFold } from '../fold/read-model-fold.js';
import type { TaskChange } from '../fold/task-change.js';
import { CopyIn } from './copy-in.js';
import { CopyRows } from './copy-rows.js';
import { KnownSpecs } from './known-specs.js';
import { ATTEMPTS, SPECS, WORKFLOWS } from './other-targets.js';
import { PROJECTION, storedPositions, type ProjectedPosition } from './positions.js';
import type { Target } from './target.js';
import { CHANGED_TASKS, submittedTasks } from './task-target.js';
import { workerStatement } from './worker-statement.js';

/** Rows that are written into memory in one go. */
const SLICE = 500;
/** Bytes that are sent at once, about. */
const CHUNK_BYTES = 128 * 1024;
/** SQLSTATE of a key that is there already. */
const UNIQUE_VIOLATION = '23505';
/** Any number; held by the one writer of a schema, together with a hash of the schema's name. */
const WRITER_LOCK = 730_551;

export interface Advance {
  readonly stream: string;
  /** Stored position that the batch starts from; 0 = none. */
  readonly from: number;
  readonly to: ProjectedPosition;
}

type Breathe = () => Promise<void>;

/** Rows of one target. `areNew`: none of them is in the table. */
type Load = <T>(target: Target<T>, rows: readonly T[], areNew: boolean) => Promise<readonly string[]>;

/**
 * The one connection that writes the read model. Owns: the tables, between `connect` and `close`.
 *
 * Invariants: rows and positions change in one transaction, or not at all; a position moves only from where the batch
 * started; while one writer lives, no other gets past `connect`. Rows that the log begins in this batch are appended as they
 * are, by COPY; if one of them is there all the same, the whole batch is merged instead.
 */
export class ReadModelWriter {
  #lost: Error | null = null;
  #onLost: (() => void) | null = null;
  readonly #specs = new KnownSpecs();
  readonly #submitted = submittedTasks(this.#specs);
  /** Tasks in the table of which only the queue or the leases have told so far. */
  readonly #early = new Set<string>();
  readonly #rows = new CopyRows();

  private constructor(private readonly client: pg.Client) {
    client.on('error', (error) => {
      this.#lost ??= error;
      this.#onLost?.();
    });
  }

  /** Calls back when the connection breaks: the next `write` rejects. */
  whenLost(onLost: () => void): void {
    this.#onLost = onLost;
    if (this.#lost !== null) onLost();
  }

  /** Waits until no other writer is connected; the tables must be there. */
  static async connect(connection: ReadModelConnection): Promise<ReadModelWriter> {
    const client = new pg.Client(clientConfig(connection));
    const writer = new ReadModelWriter(client);
    try {
      await client.connect();
      // What is lost in a power cut is told again by the log, rows and positions together.
      await client.query('SET synchronous_commit = off');
      // What waits to be merged has no statistics; the tables are large, and each row is found by its key.
      await client.query(
        `SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off; SET temp_buffers = '32MB'`,
      );
      await client.query('SELECT pg_advisory_lock($1, hashtext(current_schema()))', [WRITER_LOCK]);
      await writer.#prepare();
      return writer;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  async positions(): Promise<Map<string, ProjectedPosition>> {
    return await storedPositions(this.client);
  }

  /**
   * Writes a batch and moves the positions, in one transaction. `breathe` is awaited between slices, so that others of
   * this process get their turn.
   *
   * @throws CheckpointConflictError when a stored position is not the one the batch starts from; nothing is changed
   */
  async write(
    fold: ReadModelFold,
    advances: readonly Advance[],
    breathe: Breathe = () => Promise.resolve(),
  ): Promise<void> {
    if (this.#lost !== null) throw this.#lost;
    const merge: Load = (target, rows) => this.#merge(target, rows, breathe);
    const append: Load = (target, rows, areNew) =>
      areNew ? this.#append(target, rows, breathe) : this.#merge(target, rows, breathe);
    try {
      await this.#transaction(fold, advances, append);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== UNIQUE_VIOLATION) throw error;
      await this.#transaction(fold, advances, merge);
    }
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  async #prepare(): Promise<void> {
    for (const { stage } of [this.#submitted, CHANGED_TASKS, ATTEMPTS, WORKFLOWS, SPECS])
      await this.client.query(stage);
    await this.#specs.load(this.client);
    const { rows } = await this.client.query<{ id: string }>(
      'SELECT task_id::text AS id FROM task WHERE owner_end IS NULL AND submitted_at IS NULL',
    );
    for (const { id } of rows) this.#early.add(id);
  }

  async #transaction(fold: ReadModelFold, advances: readonly Advance[], load: Load): Promise<void> {
    const { fresh, known, changed } = this.#sorted(fold);
    const granted: AttemptChange[] = [];
    const ended: AttemptChange[] = [];
    for (const attempt of fold.attempts.values()) (attempt.granted === null ? ended : granted).push(attempt);
    for (const spec of fold.specs) this.#specs.add(spec);
    await this.client.query('BEGIN');
    try {
      await this.#advance(advances);
      await load(SPECS, fold.specs, false);
      await load(this.#submitted, fresh, true);
      await load(this.#submitted, known, false);
      const early = await load(CHANGED_TASKS, changed, false);
      await load(ATTEMPTS, granted, true);
      await load(ATTEMPTS, ended, false);
      await load(WORKFLOWS, [...fold.workflows.values()], false);
      for (const worker of fold.workers.values()) await this.client.query(workerStatement(worker));
      await this.client.query('COMMIT');
      for (const { id } of known) this.#early.delete(id);
      for (const id of early) this.#early.add(id);
    } catch (error) {
      await this.client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** `fresh`: not in the table; `known`: submitted in the batch and in the table already; `changed`: not submitted in the batch. */
  #sorted({ tasks }: ReadModelFold): Record<'fresh' | 'known' | 'changed', TaskChange[]> {
    const sorted = { fresh: [], known: [], changed: [] } as Record<
      'fresh' | 'known' | 'changed',
      TaskChange[]
    >;
    for (const task of tasks.values()) {
      if (task.submitted === null) sorted.changed.push(task);
      else if (this.#early.size > 0 && this.#early.has(task.id)) sorted.known.push(task);
      else sorted.fresh.push(task);
    }
    return sorted;
  }

  async #append<T>(target: Target<T>, rows: readonly T[], breathe: Breathe): Promise<readonly string[]> {
    if (rows.length > 0) await this.#copy(target.copy, target, rows, breathe);
    return [];
  }

  /** Keys of those that were not there. */
  async #merge<T>(target: Target<T>, rows: readonly T[], breathe: Breathe): Promise<readonly string[]> {
    if (rows.length === 0) return [];
    const { name } = target;
    await this.#copy(target.copyToStage, target, rows, breathe);
    const { rowCount } = await this.client.query({ name: `yard-update-${name}`, text: target.update });
    if (rowCount === rows.length) return [];
    const missing = await this.client.query<{ key: string }>({
      name: `yard-insert-${name}`,
      text: target.insertMissing,
    });
    return missing.rows.map(({ key }) => key);
  }

  async #copy<T>(text: string, target: Target<T>, rows: readonly T[], breathe: Breathe): Promise<void> {
    const out = this.#rows;
    const chunks = async function* (): AsyncGenerator<Buffer> {
      out.take();
      out.header();
      for (let i = 0; i < rows.length; i++) {
        out.row(target.columns);
        target.write(out, rows[i] as T);
        if ((i + 1) % SLICE === 0) await breathe();
        if (out.size >= CHUNK_BYTES) yield out.take();
      }
      out.end();
      yield out.take();
    };
    await CopyIn.run(this.client, text, chunks);
  }

  async #advance(advances: readonly Advance[]): Promise<void> {
    const fresh = advances.filter(({ from }) => from === 0);
    const moved = advances.filter(({ from }) => from > 0);
    const conflicts = [...(await this.#begin(fresh)), ...(await this.#move(moved))];
    if (conflicts.length > 0) throw new CheckpointConflictError(conflicts);
  }

  async #begin(fresh: readonly Advance[]): Promise<string[]> {
    if (fresh.length === 0) return [];
    const { rows } = await this.client.query<{ stream: string }>(
      `INSERT INTO checkpoint (projection, stream, seq, hash) SELECT $1, u.stream, u.seq, u.hash
       FROM unnest($2::text[], $3::bigint[], $4::text[]) AS u(stream, seq, hash) ON CONFLICT DO NOTHING RETURNING stream`,
      [
        PROJECTION,
        fresh.map(({ stream }) => stream),
        fresh.map(({ to }) => to.seq),
        fresh.map(({ to }) => to.hash),
      ],
    );
    return missing(fresh, rows);
  }

  async #move(moved: readonly Advance[]): Promise<string[]> {
    if (moved.length === 0) return [];
    const { rows } = await this.client.query<{ stream: string }>({
      name: 'yard-advance',
      text: `UPDATE checkpoint AS c SET seq = u.seq, hash = u.hash
       FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::text[]) AS u(stream, old, seq, hash)
       WHERE c.projection = $1 AND c.stream = u.stream AND c.seq = u.old RETURNING c.stream`,
      values: [
        PROJECTION,
        moved.map(({ stream }) => stream),
        moved.map(({ from }) => from),
        moved.map(({ to }) => to.seq),
        moved.map(({ to }) => to.hash),
      ],
    });
    return missing(moved, rows);
  }
}

function missing(advances: readonly Advance[], done: readonly { readonly stream: string }[]): string[] {
  const streams = new Set(done.map(({ stream }) => stream));
  return advances.filter(({ stream }) => !streams.has(stream)).map(({ stream }) => stream);
}
