import { idPartition } from '@yardmaster/domain';
import { streams } from '@yardmaster/contracts';
import type { AttemptRow, ReadModelQueries, TaskQuery, TaskRow, WorkflowRow } from '@yardmaster/ports';
import type pg from 'pg';
import { openPool, type ReadModelConnection } from '../connection.js';
import { isUnavailable, ReadModelUnavailableError } from '../errors.js';
import { PROJECTION, storedPositions, type ProjectedPosition } from '../write/positions.js';
import { tasksQuery } from './task-filter.js';
import {
  ATTEMPT_COLUMNS,
  attemptRow,
  TASK_COLUMNS,
  taskRow,
  WORKFLOW_COLUMNS,
  workflowRow,
  type StoredAttempt,
  type StoredTask,
  type StoredWorkflow,
} from './task-rows.js';

/** SQLSTATE of a table that is not there. */
const UNDEFINED_TABLE = '42P01';

/** Where a task's events stand in the log: sequences by stream. */
export type TaskPositions = Readonly<Record<string, readonly number[]>>;

/** Questions to the relational view. Rejects with ReadModelUnavailableError while Postgres is away or has no tables yet. */
export class PostgresReadModel implements ReadModelQueries {
  constructor(private readonly pool: pg.Pool) {}

  static open(connection: ReadModelConnection): PostgresReadModel {
    return new PostgresReadModel(openPool(connection));
  }

  async tasks(query: TaskQuery): Promise<readonly TaskRow[]> {
    const { text, values } = tasksQuery(query, TASK_COLUMNS);
    return (await this.#ask<StoredTask>(text, values)).map(taskRow);
  }

  /** Up to where the tables know each stream; none where they are not made yet, null while the database does not answer. */
  async seen(): Promise<ReadonlyMap<string, ProjectedPosition> | null> {
    const client = await this.pool.connect().catch(() => null);
    if (client === null) return null;
    try {
      return await storedPositions(client);
    } catch (error) {
      return (error as { readonly code?: unknown }).code === UNDEFINED_TABLE ? new Map() : null;
    } finally {
      client.release();
    }
  }

  async task(id: string): Promise<TaskRow | null> {
    const [row] = await this.#ask<StoredTask>(
      `SELECT ${TASK_COLUMNS} FROM task WHERE task_id = $1 AND submitted_at IS NOT NULL`,
      [id],
    );
    return row === undefined ? null : taskRow(row);
  }

  async attempts(task: string): Promise<readonly AttemptRow[]> {
    return (
      await this.#ask<StoredAttempt>(
        `SELECT ${ATTEMPT_COLUMNS} FROM attempt WHERE task_id = $1 ORDER BY fence`,
        [task],
      )
    ).map(attemptRow);
  }

  async workflows({
    tenant,
    limit,
    after,
  }: {
    readonly tenant: number | null;
    readonly limit: number;
    readonly after: string | null;
  }): Promise<readonly WorkflowRow[]> {
    const rows = await this.#ask<StoredWorkflow>(
      `SELECT ${WORKFLOW_COLUMNS} FROM workflow WHERE ($1::integer IS NULL OR tenant = $1) AND ($2::bigint IS NULL OR workflow_id < $2) AND task_count IS NOT NULL
       ORDER BY workflow_id DESC LIMIT $3`,
      [tenant, after, limit],
    );
    return rows.map(workflowRow);
  }

  async workflow(id: string): Promise<WorkflowRow | null> {
    const [row] = await this.#ask<StoredWorkflow>(
      `SELECT ${WORKFLOW_COLUMNS} FROM workflow WHERE workflow_id = $1 AND task_count IS NOT NULL`,
      [id],
    );
    return row === undefined ? null : workflowRow(row);
  }

  async positions(): Promise<Readonly<Record<string, number>>> {
    const rows = await this.#ask<{ stream: string; seq: number }>(
      'SELECT stream, seq::float8 FROM checkpoint WHERE projection = $1',
      [PROJECTION],
    );
    return Object.fromEntries(rows.map(({ stream, seq }) => [stream, seq]));
  }

  /** Envelopes that tell of a task, to read its history from the log; null when the task is not projected. */
  async positionsOf(task: string): Promise<TaskPositions | null> {
    const [row] = await this.#ask<
      Record<'owner_seqs' | 'queue_seqs' | 'lease_seqs', readonly string[] | null>
    >('SELECT owner_seqs, queue_seqs, lease_seqs FROM task WHERE task_id = $1', [task]);
    if (row === undefined) return null;
    return {
      [streams.tasks(idPartition(task))]: (row.owner_seqs ?? []).map(Number),
      [streams.queue()]: (row.queue_seqs ?? []).map(Number),
      [streams.leases()]: (row.lease_seqs ?? []).map(Number),
    };
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  async #ask<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> {
    try {
      return (await this.pool.query<Row & pg.QueryResultRow>(text, [...values])).rows;
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      throw new ReadModelUnavailableError(`Postgres does not answer: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}
