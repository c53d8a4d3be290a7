import { MemoryGraph } from '@yardmaster/graph-memory';
import {
  hashTables,
  migrateReadModel,
  openPool,
  ReadModelFold,
  ReadModelWriter,
} from '@yardmaster/readmodel-postgres';
import { createLogger, Metrics } from '@yardmaster/service-kit';
import { CellScript, testPostgres } from '@yardmaster/testkit';
import { it } from 'vitest';
import { Projections } from './projections.js';
import { memoryGraphSource } from './stores.js';
import { ScriptedLog } from './testing/scripted-log.js';
import { until } from './testing/until.js';

it('makes the views of another log anew when told to', async () => {
  const postgres = await testPostgres();
  const pool = openPool(postgres);
  const graph = new MemoryGraph();
  const log = await ScriptedLog.open();
  const script = new CellScript();
  const { id } = script.chain(0, 3, 'succeeded');
  script.life(1, { failures: [], end: 'succeeded' });
  await log.tell(script);
  // What another yard left there.
  await migrateReadModel(postgres);
  const writer = await ReadModelWriter.connect(postgres);
  await writer.write(new ReadModelFold(), [{ stream: 'tasks-0', from: 0, to: { seq: 900, hash: 'x' } }]);
  await writer.close();
  await graph.write({
    stream: 'tasks-1',
    from: 0,
    to: { seq: 900, hash: 'x' },
    tasks: [],
    mentioned: [],
    edges: [],
    states: [],
  });

  const open = (isRebuilding: boolean): Projections =>
    new Projections({
      log: log.hub(),
      partitions: 2,
      stores: { postgres, graph: memoryGraphSource(graph) },
      logger: createLogger('test', 'test', 'silent'),
      metrics: new Metrics(),
      isRebuilding,
    });
  const stuck = open(false);
  stuck.start();
  await until(() => Object.values(stuck.status()).every(({ state }) => state === 'halted'));
  await stuck.stop();
  const mended = open(true);
  mended.start();
  await until(async () => (await hashTables(pool).catch(() => null))?.task.rows === 4);
  await until(async () => (await graph.workflow(id))?.tasks.length === 3);
  await mended.stop();
  await pool.end();
  await postgres.drop();
});
