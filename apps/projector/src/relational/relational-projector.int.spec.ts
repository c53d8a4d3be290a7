import {
  dropReadModel,
  hashTables,
  migrateReadModel,
  openPool,
  PostgresReadModel,
  ReadModelWriter,
  type TableHashes,
} from '@yardmaster/readmodel-postgres';
import { CellScript, testPostgres, type TestPostgres } from '@yardmaster/testkit';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ScriptedLog, STREAMS } from '../testing/scripted-log.js';
import { until } from '../testing/until.js';
import { RelationalProjector } from './relational-projector.js';

let postgres: TestPostgres;
let pool: pg.Pool;
let model: PostgresReadModel;
let log: ScriptedLog;
let projectors: RelationalProjector[] = [];

beforeAll(async () => {
  postgres = await testPostgres();
  pool = openPool(postgres);
  model = new PostgresReadModel(pool);
});
afterAll(async () => {
  await model.close();
  await postgres.drop();
});
beforeEach(async () => {
  await dropReadModel(postgres);
  log = await ScriptedLog.open();
});
afterEach(async () => {
  await Promise.all(projectors.map((projector) => projector.stop()));
  projectors = [];
});

function project(from = log, onLag?: (envelopes: number) => void): RelationalProjector {
  const projector = new RelationalProjector({
    log: from.hub(),
    streams: STREAMS,
    migrate: () => migrateReadModel(postgres),
    connect: () => ReadModelWriter.connect(postgres),
    ...(onLag === undefined ? {} : { onLag }),
  });
  projectors.push(projector);
  projector.start();
  return projector;
}

async function caughtUp(): Promise<void> {
  const heads = log.heads();
  await until(
    async () =>
      JSON.stringify(sorted(await model.positions().catch(() => ({})))) === JSON.stringify(sorted(heads)),
  );
}

const sorted = (positions: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(positions).sort(([a], [b]) => (a < b ? -1 : 1));

function busyScript(): CellScript {
  const script = new CellScript();
  script.worker('w1');
  for (let i = 0; i < 40; i++) {
    script.life(i % 2, {
      failures: i % 3 === 0 ? ['app'] : [],
      end: i % 5 === 0 ? 'failed' : i % 7 === 0 ? 'running' : 'succeeded',
      isDelayed: i % 4 === 0,
    });
  }
  script.chain(0, 5, 'succeeded');
  script.chain(1, 5, 'failed');
  return script;
}

describe('the relational projector', () => {
  it('follows the log as it grows, and tells how far it is behind', async () => {
    const script = busyScript();
    await log.tell(script, 30);
    const lags: number[] = [];
    const projector = project(log, (envelopes) => lags.push(envelopes));
    await caughtUp();
    await log.tell(script);
    await caughtUp();
    expect(projector.status).toEqual({ state: 'running', error: null });
    expect((await model.tasks({ tenant: null, sort: 'newest', limit: 1_000, after: null })).length).toBe(50);
    await until(() => lags.at(-1) === 0);
  });

  it('makes the same tables again after they were dropped (I4)', async () => {
    const script = busyScript();
    await log.tell(script);
    await project().stop();
    const first = project();
    await caughtUp();
    const before = await hashTables(pool);
    await first.stop();
    await dropReadModel(postgres);
    project();
    await caughtUp();
    expect(await hashTables(pool)).toEqual(before);
    expect(before.task.rows).toBe(50);
  });

  it('makes them again without a restart when they are dropped while it runs', async () => {
    const script = busyScript();
    await log.tell(script, 60);
    project();
    await caughtUp();
    await dropReadModel(postgres);
    await log.tell(script);
    await caughtUp();
    const after = await hashTables(pool);
    await dropReadModel(postgres);
    await Promise.all(projectors.map((projector) => projector.stop()));
    project();
    await caughtUp();
    expect(await hashTables(pool)).toEqual(after);
  });

  it('goes on from the stored positions wherever its connection breaks (I4)', async () => {
    const script = busyScript();
    // Two logs of the same events: their seals, and so their envelopes' hashes, differ.
    let hashes: Omit<TableHashes, 'checkpoint'> | undefined;
    for (const breaks of [0, 4]) {
      log = await ScriptedLog.open();
      await dropReadModel(postgres);
      project();
      for (let i = 1; i <= breaks; i++) {
        await log.tell(script, i * 20);
        await pool
          .query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'yardmaster' AND datname = current_database() AND pid <> pg_backend_pid()`,
          )
          .catch(() => undefined);
      }
      await log.tell(script);
      await caughtUp();
      const { checkpoint: _, ...now } = await hashTables(pool);
      hashes ??= now;
      expect(now).toEqual(hashes);
      await Promise.all(projectors.map((projector) => projector.stop()));
    }
  });

  it('notices that its connection broke while nothing happens', async () => {
    await log.tell(busyScript(), 40);
    const projector = project();
    await caughtUp();
    await pool.query(`UPDATE checkpoint SET seq = seq + 1000 WHERE stream = 'queue-main'`);
    await pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    await until(() => projector.status.state === 'halted');
    expect(projector.status.error).toMatch(/queue-main up to \d+, but the log ends at/);
  });

  it('waits while another one writes, and takes over from where it stopped', async () => {
    const script = busyScript();
    const first = project();
    await until(() => first.status.state === 'running');
    const second = project();
    await log.tell(script, 50);
    await caughtUp();
    expect(second.status.state).toBe('starting');
    await first.stop();
    await log.tell(script);
    await caughtUp();
    expect(second.status.state).toBe('running');
  });

  it('refuses to go on from positions that the log does not have, and names what mends it', async () => {
    await log.tell(busyScript());
    await project().stop();
    const first = project();
    await caughtUp();
    const before = await hashTables(pool);
    await first.stop();
    const shorter = await ScriptedLog.open();
    await shorter.tell(busyScript(), 20);
    const ahead = project(shorter);
    await until(() => ahead.status.state === 'halted');
    expect(ahead.status.error).toMatch(/the log ends at .*`yard admin rebuild`/);
    const foreign = await ScriptedLog.open();
    const other = busyScript();
    await foreign.tell(
      Object.assign(other, {
        envelopes: other.envelopes.map((envelope) => ({ ...envelope, node: 'elsewhere' })),
      }),
    );
    const strange = project(foreign);
    await until(() => strange.status.state === 'halted');
    expect(strange.status.error).toMatch(/another envelope .*`yard admin rebuild`/);
    expect(await hashTables(pool)).toEqual(before);
  });

  it('halts at an envelope that does not follow on the one before, and writes nothing past it', async () => {
    const script = busyScript();
    await log.tell(script, 40);
    const projector = project();
    await caughtUp();
    const sound = log.heads();
    log.breakChain('leases-main');
    await log.tell(script);
    await until(() => projector.status.state === 'halted');
    expect(projector.status.error).toMatch(/leases-main.*broken.*`yard doctor`/);
    expect((await model.positions())['leases-main']).toBe(sound['leases-main']);
    await projector.stop();
    // Nor does it after a restart, when it reads what it did not see come.
    projector.start();
    await until(() => projector.status.state === 'halted');
    expect((await model.positions())['leases-main']).toBe(sound['leases-main']);
  });

  it('waits for a server that is not there, without failing anything', async () => {
    const away = { url: 'postgres://yard:x@127.0.0.1:1/yard' };
    const projector = new RelationalProjector({
      log: log.hub(),
      streams: STREAMS,
      migrate: () => migrateReadModel(away),
      connect: () => ReadModelWriter.connect(away),
    });
    projectors.push(projector);
    projector.start();
    await until(() => projector.status.state === 'waiting');
    expect(projector.status.error).toMatch(/ECONNREFUSED/);
  });
});
