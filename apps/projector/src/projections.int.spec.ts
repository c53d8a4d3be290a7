import { commands, type ProjectorCommand, type Reply, type Verification } from '@yardmaster/contracts';
import { MemoryGraph } from '@yardmaster/graph-memory';
import {
  hashTables,
  migrateReadModel,
  openPool,
  ReadModelFold,
  ReadModelWriter,
} from '@yardmaster/readmodel-postgres';
import { createLogger, Metrics, type Bus } from '@yardmaster/service-kit';
import { CellScript, testPostgres } from '@yardmaster/testkit';
import { expect, it } from 'vitest';
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
      bus: new OneDesk(),
      node: 'n1',
      partitions: 2,
      stores: { postgres, graph: memoryGraphSource(graph) },
      logger: createLogger('test', 'test', 'silent'),
      metrics: new Metrics('projector'),
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

it('finds what differs from the log, and mends it', async () => {
  const postgres = await testPostgres();
  const pool = openPool(postgres);
  const graph = new MemoryGraph();
  const log = await ScriptedLog.open();
  const script = new CellScript();
  script.worker('w1');
  const { id, tasks } = script.chain(0, 3, 'succeeded');
  for (let i = 0; i < 20; i++)
    script.life(i % 2, { failures: i % 3 === 0 ? ['app'] : [], end: i % 4 === 0 ? 'open' : 'succeeded' });
  await log.tell(script, 60);
  const desk = new OneDesk();
  const projections = new Projections({
    log: log.hub(),
    bus: desk,
    node: 'n1',
    partitions: 2,
    stores: { postgres, graph: memoryGraphSource(graph) },
    logger: createLogger('test', 'test', 'silent'),
    metrics: new Metrics('projector'),
  });
  projections.start();
  await until(() => desk.serves.size === 2);
  await log.tell(script);
  await until(async () => (await hashTables(pool).catch(() => null))?.task.rows === 23);

  const relational = await verified(desk, 'relational', 'first');
  expect(relational).toMatchObject({ state: 'done', equal: true, error: null });
  expect(relational.events).toBeGreaterThan(100);
  expect(relational.parts.map(({ name }) => name)).toContain('task');
  expect(await verified(desk, 'graph', 'first')).toMatchObject({ state: 'done', equal: true });
  expect(await schemas(pool)).toEqual(['yard']);

  await pool.query(`UPDATE task SET name = 'another' WHERE task_id = $1`, [tasks[1]]);
  await graph.write({
    stream: 'nowhere',
    from: 0,
    to: { seq: 1, hash: 'x' },
    tasks: [],
    mentioned: [],
    edges: [],
    states: [{ id: tasks[0] as string, state: 'failed' }],
  });
  const differs = await verified(desk, 'relational', 'second');
  expect(differs.equal).toBe(false);
  expect(differs.parts.filter(({ equal }) => !equal).map(({ name }) => name)).toEqual(['task']);
  // A position of a stream that the log does not have.
  expect(await verified(desk, 'graph', 'second')).toMatchObject({ state: 'failed', equal: null });

  for (const name of ['relational', 'graph'])
    expect(await desk.ask(name, { op: 'rebuild' })).toEqual({ ok: true, value: null });
  await until(async () => (await hashTables(pool).catch(() => null))?.task.rows === 23);
  await until(async () => (await graph.workflow(id))?.tasks.length === 3);
  expect(await verified(desk, 'relational', 'third')).toMatchObject({ equal: true });
  expect(await verified(desk, 'graph', 'third')).toMatchObject({ equal: true });
  await projections.stop();
  expect(desk.serves.size).toBe(0);
  await pool.end();
  await postgres.drop();
});

/** The one process that asks, in place of the broker. */
class OneDesk implements Bus {
  readonly serves = new Map<string, Parameters<Bus['serve']>[1]>();

  serve(subject: string, handler: Parameters<Bus['serve']>[1]): { stop(): void } {
    this.serves.set(subject, handler);
    return { stop: () => void this.serves.delete(subject) };
  }

  async ask(projection: string, command: ProjectorCommand): Promise<Reply<unknown>> {
    return await (this.serves.get(commands.projector(projection))?.(command) ?? no());
  }

  publish(): void {
    // Nobody listens.
  }

  publishBytes = no;
  request = no;
  requestBytes = no;
  subscribe = no;
}

function no(): never {
  throw new Error('not asked here');
}

async function verified(desk: OneDesk, projection: string, run: string): Promise<Verification> {
  let told: Verification | null = null;
  await until(async () => {
    const reply = await desk.ask(projection, { op: 'verify', run });
    told = reply.ok ? (reply.value as Verification) : null;
    return told !== null && told.state !== 'running';
  });
  return told!;
}

async function schemas(pool: ReturnType<typeof openPool>): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname LIKE 'yard%'`,
  );
  return rows.map(({ name }) => name);
}
