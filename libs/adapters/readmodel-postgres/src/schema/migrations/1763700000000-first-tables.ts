import type { MigrationInterface, QueryRunner } from 'typeorm';
import { TABLES, TASK_STATE_FUNCTION, TASK_STATUS_FUNCTION } from './first-tables.js';

/** Tasks, attempts, workflows, workers, interned specs and the positions up to which they are told. */
export class FirstTables1763700000000 implements MigrationInterface {
  readonly name = 'FirstTables1763700000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [TASK_STATE_FUNCTION, TASK_STATUS_FUNCTION, ...TABLES])
      await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE task, attempt, workflow, worker, spec, checkpoint, typeorm_metadata');
    await runner.query('DROP FUNCTION task_state, task_status');
  }
}
