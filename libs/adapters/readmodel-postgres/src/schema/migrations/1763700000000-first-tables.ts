import type { MigrationInterface, QueryRunner } from 'typeorm';
import { STATE_EXPRESSION, STATUS_EXPRESSION, tables } from './first-tables.js';
import { keptBy } from './kept-by.js';

/** Tasks, attempts, workflows, workers, interned specs and the positions up to which they are told. */
export class FirstTables1763700000000 implements MigrationInterface {
  readonly name = 'FirstTables1763700000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of tables(await keptBy(runner))) await runner.query(statement);
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
