import type { MigrationInterface, QueryRunner } from 'typeorm';
import { STATE_EXPRESSION, STATUS_EXPRESSION } from '../state-expression.js';
import * as before from './first-tables.js';
import { keptBy } from './kept-by.js';

/** A task that backs off is cancelling once its cancel is requested, as the rules of the lifecycle say. */
export class CancelWhileBackingOff1764000000000 implements MigrationInterface {
  readonly name = 'CancelWhileBackingOff1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await compute(runner, { state: STATE_EXPRESSION, status: STATUS_EXPRESSION });
  }

  async down(runner: QueryRunner): Promise<void> {
    await compute(runner, { state: before.STATE_EXPRESSION, status: before.STATUS_EXPRESSION });
  }
}

async function compute(runner: QueryRunner, columns: Readonly<Record<string, string>>): Promise<void> {
  const kept = await keptBy(runner);
  for (const [name, expression] of Object.entries(columns)) {
    await runner.query(`ALTER TABLE task DROP COLUMN ${name}`);
    await runner.query(
      `ALTER TABLE task ADD COLUMN ${name} text GENERATED ALWAYS AS (${expression}) ${kept}`,
    );
    await runner.query(
      `UPDATE typeorm_metadata SET value = $2 WHERE type = 'GENERATED_COLUMN' AND schema = current_schema() AND "table" = 'task' AND name = $1`,
      [name, expression],
    );
  }
}
