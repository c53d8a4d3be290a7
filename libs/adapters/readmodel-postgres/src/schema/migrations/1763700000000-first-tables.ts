import type { MigrationInterface, QueryRunner } from 'typeorm';
import { STATE_EXPRESSION, STATUS_EXPRESSION, tables } from './first-tables.js';

/** First server that computes columns as they are read: before, they cost a quarter of each write. */
const VIRTUAL_SINCE = 180_000;

/** Tasks, attempts, workflows, workers, interned specs and the positions up to which they are told. */
export class FirstTables1763700000000 implements MigrationInterface {
  readonly name = 'FirstTables1763700000000';

  async up(runner: QueryRunner): Promise<void> {
    const [server] = (await runner.query(`SELECT current_setting('server_version_num')::int AS version`)) as [
      { readonly version: number },
    ];
    for (const statement of tables(server.version >= VIRTUAL_SINCE ? 'VIRTUAL' : 'STORED'))
      await runner.query(statement);
    for (const [name, expression] of [
      ['state', STATE_EXPRESSION],
      ['status', STATUS_EXPRESSION],
    ]) {
      await runner.query(
        `INSERT INTO typeorm_metadata VALUES ('GENERATED_COLUMN', current_database(), current_schema(), 'task', $1, $2)`,
        [name, expression],
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE task, attempt, workflow, worker, spec, checkpoint, typeorm_metadata');
  }
}
