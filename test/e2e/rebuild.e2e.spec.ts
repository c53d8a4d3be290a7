import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { ViewsVerificationResponse } from '@yardmaster/contracts';
import { Neo4jGraph } from '@yardmaster/graph-neo4j';
import { hashTables, openPool, READ_MODEL_SCHEMA } from '@yardmaster/readmodel-postgres';
import { Yard } from '@yardmaster/sdk';
import neo4j from 'neo4j-driver';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { yardCommand } from '../support/commands.js';
import { killTree, until } from '../support/processes.js';
import { http } from './journey/traveller.js';
import { startYard, type StartedYard } from './start-yard.js';

interface Stores {
  readonly postgres: { readonly url: string };
  /** null where there is no Java. */
  readonly graph: { readonly url: string; readonly user: string; readonly password: string } | null;
}

interface Hashes {
  readonly tables: unknown;
  readonly graph: string | null;
}

describe('the views', () => {
  let yard: StartedYard;
  beforeAll(async () => {
    yard = await startYard();
  });
  afterAll(async () => {
    await yard?.stop();
    if (yard === undefined) return;
    await killTree(yard.home);
    rmSync(yard.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  it('come out the same when they are dropped and made anew from the log', async () => {
    await work(yard);
    const before = await hashesOf(yard);
    expect(before.tables).toMatchObject({ task: { rows: 28 }, workflow: { rows: 2 } });

    await drop(storesOf(yard.home));
    const { home } = yard;
    await yard.stop({ keep: true });
    yard = await startYard({ home });
    // The new start writes to the log too: its workers are in the tables, so only the rest is compared with what was before.
    const after = await hashesOf(yard);
    expect({ ...after, tables: withoutMoving(after.tables) }).toEqual({
      ...before,
      tables: withoutMoving(before.tables),
    });
  });

  it('are equal to what the log says, found out when they are not, and mended while the yard runs', async () => {
    const equal = await verify(yard);
    expect(equal).toMatchObject({ code: 0, told: { state: 'done', equal: true } });
    expect(equal.told.relational?.parts.find(({ name }) => name === 'task')?.stored.rows).toBe(28);

    const { postgres, graph } = storesOf(yard.home);
    const pool = openPool(postgres);
    await pool.query(`UPDATE task SET error = 'never said' WHERE name = 'n7'`);
    if (graph !== null) {
      const driver = neo4j.driver(graph.url, neo4j.auth.basic(graph.user, graph.password));
      await driver.executeQuery(`MATCH (t:Task) WHERE t.key = 'b' SET t.state = 'ready'`);
      await driver.close();
    }
    const differs = await verify(yard);
    expect(differs).toMatchObject({ code: 1, told: { state: 'done', equal: false } });
    expect(differs.told.relational?.parts.filter((part) => !part.equal).map(({ name }) => name)).toEqual([
      'task',
    ]);
    expect(differs.told.graph?.equal).toBe(graph === null);

    expect((await yardCommand(yard, ['admin', 'rebuild'])).code).toBe(0);
    await hashesOf(yard);
    expect(await verify(yard)).toMatchObject({ code: 0, told: { equal: true } });
    await pool.end();
  });

  it('that know more than the log are refused by name, with an alert, until they are made anew', async () => {
    const { postgres } = storesOf(yard.home);
    const pool = openPool(postgres);
    // As after an older copy of the log was put back: the tables know what it never said.
    await pool.query(`UPDATE checkpoint SET seq = seq + 1000000 WHERE stream = 'queue-main'`);
    // The projector's connection breaks, and it looks again at where it stands.
    await pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()`,
    );
    const alert = await until('the alert', async () => {
      const { body } = await http(yard, 'GET', '/v1/alerts');
      return (body.items as { kind: string; message: string; clearedAt: string | null }[]).find(
        ({ kind, clearedAt }) => kind === 'projection-behind' && clearedAt === null,
      );
    });
    expect(alert.message).toMatch(
      /the read model knows stream queue-main up to \d+, but the log ends at \d+.*`yard admin rebuild`/,
    );
    expect((await yardCommand(yard, ['admin', 'rebuild'])).code).toBe(0);
    await until('the end of the alert', async () => {
      const { body } = await http(yard, 'GET', '/v1/alerts');
      return (body.items as { kind: string; clearedAt: string | null }[]).every(
        ({ kind, clearedAt }) => kind !== 'projection-behind' || clearedAt !== null,
      );
    });
    expect(await verify(yard)).toMatchObject({ code: 0, told: { equal: true } });
    await pool.end();
  });

  it('follow on after they were made anew', async () => {
    await using client = new Yard({ url: yard.url, token: yard.token });
    const task = await client.tasks.submit({ name: 'afterwards', run: { command: ['true'] } });
    await task.wait({ timeout: '60s' });
    await until(
      'the list',
      async () => (await client.tasks.list({ name: 'afterwards', status: 'done' })).items.length === 1,
    );
  });
});

async function verify(
  yard: StartedYard,
): Promise<{ readonly code: number | null; readonly told: ViewsVerificationResponse }> {
  const { code, stdout, stderr } = await yardCommand(yard, ['admin', 'verify', '-o', 'json']);
  if (stdout === '') throw new Error(stderr);
  return { code, told: JSON.parse(stdout) as ViewsVerificationResponse };
}

/** Tasks and workflows of every ending. */
async function work({ url, token }: StartedYard): Promise<void> {
  await using yard = new Yard({ url, token });
  const run = { command: ['true'] };
  const bulk = await yard.tasks.submitMany(
    Array.from({ length: 20 }, (_, i) => ({ name: `n${String(i)}`, run, labels: { n: String(i) } })),
  );
  const good = await yard.workflows.submit({
    name: 'good',
    tasks: { a: { run }, b: { run, dependsOn: ['a'] }, c: { run, dependsOn: ['a', 'b'] } },
  });
  const bad = await yard.workflows.submit({
    name: 'bad',
    tasks: {
      a: {
        run: { command: ['false'] },
        totalAttempts: 2,
        retry: { backoff: { initial: '50ms', max: '50ms' } },
      },
      b: { run, dependsOn: ['a'] },
      c: { run },
    },
  });
  const unwanted = await yard.tasks.submit({ run: { handler: 'nobody' } });
  await unwanted.cancel();
  const late = await yard.tasks.submit({
    run,
    scheduling: { at: new Date(Date.now() + 86_400_000).toISOString() },
  });
  expect(await late.status()).toMatchObject({ state: 'scheduled' });
  for (const item of bulk) if (item.ok) await item.task.wait({ timeout: '60s' });
  await good.wait({ timeout: '60s' });
  await bad.wait({ timeout: '60s' });
}

function storesOf(home: string): Stores {
  const secrets = JSON.parse(readFileSync(path.join(home, 'servers.secret.json'), 'utf8')) as {
    postgres: string;
    neo4j: string;
  };
  const record = JSON.parse(readFileSync(path.join(home, 'run', 'keeper.json'), 'utf8')) as {
    servers: { spec: { name: string; port: number } }[];
  };
  const portOf = (name: string): number | undefined =>
    record.servers.find(({ spec }) => spec.name === name)?.spec.port;
  const bolt = portOf('neo4j');
  return {
    postgres: { url: `postgres://yard:${secrets.postgres}@127.0.0.1:${String(portOf('postgres'))}/yard` },
    graph:
      bolt === undefined
        ? null
        : { url: `bolt://127.0.0.1:${String(bolt)}`, user: 'neo4j', password: secrets.neo4j },
  };
}

/** The hashes, once everything in the log has arrived in the views. */
async function hashesOf(yard: StartedYard): Promise<Hashes> {
  const { postgres, graph } = await until(
    'the graph database',
    () => {
      const stores = storesOf(yard.home);
      return (stores.graph !== null || yard.output().includes('kept in memory')) && stores;
    },
    { withinMs: 90_000, everyMs: 250 },
  );
  const pool = openPool(postgres);
  const store = graph === null ? null : Neo4jGraph.open(graph);
  let seen = '';
  try {
    return await until(
      'the projections',
      async () => {
        const { body } = await http(yard, 'GET', '/v1/cluster');
        const lags = Object.values(body.projectionLag as Record<string, number>);
        const metrics = String((await http(yard, 'GET', '/metrics')).body);
        // The graph keeps no position of streams that say nothing to it: its own lag is what tells, once a second.
        if (
          lags.length === 0 ||
          lags.some((lag) => lag > 0) ||
          !metrics.includes('yard_projection_lag_events{projection="graph"} 0')
        )
          return false;
        const hashes: Hashes = {
          tables: await hashTables(pool),
          graph: (await store?.multisetHash()) ?? null,
        };
        const now = JSON.stringify(hashes);
        const isStill = now === seen;
        seen = now;
        return isStill && hashes;
      },
      { withinMs: 90_000, everyMs: 1_100 },
    );
  } finally {
    await pool.end();
    await store?.close();
  }
}

async function drop({ postgres, graph }: Stores): Promise<void> {
  const pool = openPool(postgres);
  await pool.query(`DROP SCHEMA ${READ_MODEL_SCHEMA} CASCADE`);
  await pool.end();
  if (graph === null) return;
  const driver = neo4j.driver(graph.url, neo4j.auth.basic(graph.user, graph.password));
  await driver.executeQuery('MATCH (n) DETACH DELETE n');
  await driver.close();
}

/** Tables that a start alone changes: positions in the log, and the workers that joined. */
function withoutMoving(tables: unknown): unknown {
  const { checkpoint: _checkpoint, worker: _worker, ...rest } = tables as Record<string, unknown>;
  return rest;
}
