import pg from 'pg';
import { clientConfig, type ReadModelConnection } from '../connection.js';
import { CheckpointConflictError } from '../errors.js';
import type { ReadModelFold } from '../fold/read-model-fold.js';
import type { TaskChange } from '../fold/task-change.js';
import { ATTEMPTS, SPECS, WORKFLOWS } from './other-statements.js';
import { CHANGED_TASKS, SUBMITTED_TASKS } from './task-statements.js';
import type { Upsert } from './upsert.js';
import { workerStatement } from './worker-statement.js';

/** Name under which positions are kept. */
export const PROJECTION = 'relational';
/** Rows of one statement: more gain little and keep the process busy for longer. */
const ROWS_PER_STATEMENT = 1_000;
/** Any number; held by the one writer of a schema, together with a hash of the schema's name. */
const WRITER_LOCK = 730_551;

/** Last envelope of a stream that the tables know. */
export interface ProjectedPosition {
  readonly seq: number;
  /** sha256 of that envelope, hex. */
  readonly hash: string;
}

export interface Advance {
  readonly stream: string;
  /** Stored position that the batch starts from; 0 = none. */
  readonly from: number;
  readonly to: ProjectedPosition;
}

/**
 * The one connection that writes the read model. Owns: the tables, between `connect` and `close`.
 *
 * Invariants: rows and positions change in one transaction, or not at all; a position moves only from where the batch
 * started; while one writer lives, no other gets past `connect`.
 */
export class ReadModelWriter {
  #lost: Error | null = null;

  private constructor(private readonly client: pg.Client) {
    client.on('error', (error) => {
      this.#lost = error;
    });
  }

  /** Waits until no other writer is connected; the tables must be there. */
  static async connect(connection: ReadModelConnection): Promise<ReadModelWriter> {
    const client = new pg.Client(clientConfig(connection));
    const writer = new ReadModelWriter(client);
    try {
      await client.connect();
      // What is lost in a power cut is told again by the log, rows and positions together.
      await client.query('SET synchronous_commit = off');
      await client.query('SELECT pg_advisory_lock($1, hashtext(current_schema()))', [WRITER_LOCK]);
      return writer;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }

  async positions(): Promise<Map<string, ProjectedPosition>> {
    const { rows } = await this.client.query<{ stream: string; seq: string; hash: string }>(
      'SELECT stream, seq, hash FROM checkpoint WHERE projection = $1',
      [PROJECTION],
    );
    return new Map(rows.map(({ stream, seq, hash }) => [stream, { seq: Number(seq), hash }]));
  }

  /**
   * Writes a batch and moves the positions, in one transaction. `breathe` is awaited between statements, so that others of
   * this process get their turn.
   *
   * @throws CheckpointConflictError when a stored position is not the one the batch starts from; nothing is changed
   */
  async write(
    fold: ReadModelFold,
    advances: readonly Advance[],
    breathe: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    if (this.#lost !== null) throw this.#lost;
    const submitted: TaskChange[] = [];
    const changed: TaskChange[] = [];
    for (const task of fold.tasks.values()) (task.submitted === null ? changed : submitted).push(task);
    await this.client.query('BEGIN');
    try {
      await this.#advance(advances);
      await this.#upsert(SPECS, fold.specs, breathe);
      await this.#upsert(SUBMITTED_TASKS, submitted, breathe);
      await this.#upsert(CHANGED_TASKS, changed, breathe);
      await this.#upsert(ATTEMPTS, [...fold.attempts.values()], breathe);
      await this.#upsert(WORKFLOWS, [...fold.workflows.values()], breathe);
      for (const worker of fold.workers.values()) await this.client.query(workerStatement(worker));
      await this.client.query('COMMIT');
    } catch (error) {
      await this.client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined);
  }

  async #upsert<T>(statement: Upsert<T>, rows: readonly T[], breathe: () => Promise<void>): Promise<void> {
    for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
      const slice = rows.length <= ROWS_PER_STATEMENT ? rows : rows.slice(at, at + ROWS_PER_STATEMENT);
      await this.client.query({
        name: statement.name,
        text: statement.text,
        values: statement.values(slice),
      });
      await breathe();
    }
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
