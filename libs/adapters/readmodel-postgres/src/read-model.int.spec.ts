import type { Envelope } from '@yardmaster/contracts';
import { joinState, leaseFact, ownerFact, queueFact, statusOf, type TaskFacts } from '@yardmaster/domain';
import {
  CellScript,
  idOf,
  interleave,
  submittedTask,
  testPostgres,
  type Life,
  type TestPostgres,
} from '@yardmaster/testkit';
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CheckpointConflictError,
  hashTables,
  migrateReadModel,
  openPool,
  PostgresReadModel,
  ReadModelFold,
  ReadModelUnavailableError,
  ReadModelWriter,
  type Advance,
} from './index.js';
import { readModelDataSource } from './schema/migrate.js';

let postgres: TestPostgres;
let pool: pg.Pool;
let writer: ReadModelWriter;
let model: PostgresReadModel;

beforeAll(async () => {
  postgres = await testPostgres();
  await migrateReadModel(postgres);
  pool = openPool(postgres);
  model = new PostgresReadModel(pool);
  writer = await ReadModelWriter.connect(postgres);
});
afterAll(async () => {
  await writer.close();
  await model.close();
  await postgres.drop();
});
beforeEach(empty);

async function empty(): Promise<void> {
  await pool.query('TRUNCATE task, attempt, workflow, worker, spec, checkpoint');
}

/** Writes envelopes as batches of the given sizes, over and over. */
async function project(envelopes: readonly Envelope[], sizes: readonly number[] = [1_000]): Promise<void> {
  const heads = new Map<string, number>();
  for (let at = 0, i = 0; at < envelopes.length; i++) {
    const batch = envelopes.slice(at, (at += sizes[i % sizes.length]!));
    const fold = new ReadModelFold();
    const advances = new Map<string, Advance>();
    for (const envelope of batch) {
      fold.apply(envelope);
      const { stream, seq, hash } = envelope;
      advances.set(stream, { stream, from: heads.get(stream) ?? 0, to: { seq, hash } });
    }
    await writer.write(fold, [...advances.values()]);
    for (const [stream, { to }] of advances) heads.set(stream, to.seq);
  }
}

const OUTCOMES = ['app', 'lost', 'over-memory', 'preempted', 'withdrawn', 'void'] as const;
const life: fc.Arbitrary<Life> = fc.record({
  failures: fc.array(fc.constantFrom(...OUTCOMES), { maxLength: 3 }),
  end: fc.constantFrom('succeeded', 'failed', 'cancelled', 'cancelled-running', 'open', 'running'),
  isDelayed: fc.boolean(),
  result: fc.jsonValue(),
});

function written(lives: readonly Life[]): CellScript {
  const script = new CellScript();
  script.worker('w1');
  for (const [i, each] of lives.entries()) script.life(i % 2, each);
  script.chain(0, 3, 'succeeded');
  script.chain(1, 3, 'failed');
  return script;
}

describe('the read model', () => {
  it('has the tables that its entities describe', async () => {
    const source = await readModelDataSource(postgres).initialize();
    const { upQueries } = await source.driver.createSchemaBuilder().log();
    await source.destroy();
    expect(
      upQueries.map(({ query }) => query).filter((query) => !query.includes('typeorm_metadata')),
    ).toEqual([]);
  });

  it('migrates again without changing anything, by two processes at once too', async () => {
    await project(written([{ failures: [], end: 'succeeded' }]).envelopes);
    const before = await hashTables(pool);
    await Promise.all([migrateReadModel(postgres), migrateReadModel(postgres)]);
    expect(await hashTables(pool)).toEqual(before);
  });

  it('brings tables of an older version up to this one with their rows', async () => {
    const script = new CellScript();
    const id = script.life(0, { failures: ['app'], end: 'running' });
    // Until its first attempt has failed.
    await project(script.envelopes.slice(0, 5));
    await pool.query('UPDATE task SET is_cancel_requested = true');
    const before = await hashTables(pool);
    const source = await readModelDataSource(postgres).initialize();
    await source.undoLastMigration();
    await source.destroy();
    expect(await model.task(id)).toMatchObject({ state: 'backing_off' });
    await migrateReadModel(postgres);
    expect(await model.task(id)).toMatchObject({ state: 'cancelling' });
    expect(await hashTables(pool)).toEqual(before);
  });

  it('tells a task with everything that its streams said', async () => {
    const script = new CellScript();
    script.worker('w1');
    const id = script.life(3, { failures: ['app'], end: 'succeeded', result: { answer: 42 } });
    await project(script.envelopes);
    const row = await model.task(id);
    expect(row).toMatchObject({
      id,
      tenant: 1,
      userId: 7,
      name: `task ${id}`,
      schedulingType: 'once',
      queue: 'default',
      priority: 500,
      totalAttempts: 3,
      resourceRequirements: { slots: 1 },
      executionCapMs: 60_000,
      delayToleranceMs: null,
      handler: 'noop',
      scriptPath: null,
      state: 'succeeded',
      status: 'done',
      attempts: 2,
      error: null,
      result: { answer: 42 },
      admittedBy: { node: 'n1', epoch: 1 },
    });
    const [submitted] = script.of('tasks-3');
    expect(row?.submittedAt).toBe(submitted?.at);
    expect(row?.startedAt).toBe(script.of('leases-main')[1]?.at);
    expect(row?.endedAt).toBe(script.of('tasks-3').at(-1)?.at);
    expect(await model.attempts(id)).toMatchObject([
      { attempt: 1, outcome: 'app', exitCode: 1, error: 'it was app', wallMs: 12.5 },
      { attempt: 2, outcome: 'ok', exitCode: 0, error: null, worker: 'w1' },
    ]);
    expect(await model.positionsOf(id)).toEqual({
      'tasks-3': [1, 2],
      'queue-main': [1, 2, 3],
      'leases-main': [2, 3, 4, 5],
    });
    expect(await model.positions()).toEqual({ 'tasks-3': 2, 'queue-main': 3, 'leases-main': 5 });
  });

  it('comes out the same from every interleaving of the streams and every cut into batches (I4)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(life, { maxLength: 5 }),
        fc.array(fc.nat(9), { minLength: 1, maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 8 }),
        async (lives, choices, sizes) => {
          const { envelopes } = written(lives);
          await empty();
          await project(envelopes);
          const whole = await hashTables(pool);
          await empty();
          let turn = 0;
          await project(
            interleave(envelopes, (n) => choices[turn++ % choices.length]! % n),
            sizes,
          );
          expect(await hashTables(pool)).toEqual(whole);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('computes the state that the lifecycle rules give, whatever part of the log it has read', async () => {
    await fc.assert(
      fc.asyncProperty(
        life,
        fc.nat(30),
        fc.array(fc.nat(9), { minLength: 1, maxLength: 20 }),
        async (each, prefix, choices) => {
          const script = new CellScript();
          const id = script.life(0, each);
          let turn = 0;
          const order = interleave(script.envelopes, (n) => choices[turn++ % choices.length]! % n).slice(
            0,
            prefix + 1,
          );
          await empty();
          await project(order, [2]);
          const { rows } = await pool.query<{ state: string; status: string }>(
            'SELECT state, status FROM task WHERE task_id = $1',
            [id],
          );
          const told = joinState(order.reduce(factsAfter, { owner: null, queue: null, lease: null }));
          if (!order.some(({ stream }) => stream === 'tasks-0')) return;
          expect(rows[0]).toEqual({ state: told, status: told === null ? null : statusOf(told) });
        },
      ),
      {
        numRuns: 40,
        // Cancelled while it backs off.
        examples: [
          [
            { failures: ['app', 'app'], end: 'cancelled-running', isDelayed: false, result: [] },
            6,
            [1, 0, 4, 8],
          ],
        ],
      },
    );
  });

  it('refuses a batch that does not start from the stored position, and changes nothing', async () => {
    const script = written([{ failures: [], end: 'succeeded' }]);
    await project(script.envelopes);
    const before = await hashTables(pool);
    await expect(project(script.envelopes)).rejects.toThrow(CheckpointConflictError);
    const late = new ReadModelFold();
    late.apply(script.write('leases-main', []));
    await expect(
      writer.write(late, [{ stream: 'leases-main', from: 1, to: { seq: 99, hash: 'x' } }]),
    ).rejects.toThrow(/another projector/);
    expect(await hashTables(pool)).toEqual(before);
  });

  it('keeps its rows when an envelope comes again under a new position', async () => {
    const script = written([
      { failures: ['app', 'lost'], end: 'succeeded' },
      { failures: ['app'], end: 'failed' },
    ]);
    await project(script.envelopes);
    const { checkpoint, ...before } = await hashTables(pool);
    await pool.query('TRUNCATE checkpoint');
    await project(script.envelopes, [3]);
    expect(await hashTables(pool)).toEqual({ ...before, checkpoint });
  });

  it('goes on over a restart with the specs that it was told before', async () => {
    const script = new CellScript();
    script.tasks(0, []);
    await project(script.envelopes);
    const id = idOf(0, 1);
    const fold = new ReadModelFold();
    const { seq, hash } = script.write('tasks-0', [submittedTask(id)]);
    fold.apply(script.envelopes.at(-1)!);
    await writer.write(fold, [{ stream: 'tasks-0', from: 1, to: { seq, hash } }]);
    expect(await model.task(id)).toMatchObject({ queue: 'default', priority: 500, executionCapMs: 60_000 });
  });

  it('takes whatever a task answers: quotes, line ends, U+0000, half surrogates, deep nesting', async () => {
    const script = new CellScript();
    let deep: unknown = 1;
    for (let i = 0; i < 3_000; i++) deep = [deep];
    const nasty = { 'k"\\\0': ['a,b', '{}', '\n', '\ud800', 'NULL', ''], big: 2 ** 60, big2: 12n };
    const one = script.life(0, { failures: [], end: 'succeeded', result: nasty });
    const other = script.life(0, { failures: [], end: 'succeeded', result: deep });
    const text = 'x"\\\0{},\ud800\nNULL';
    const id = script.nextId(0);
    script.tasks(0, [
      submittedTask(id, { sealed: { ...submittedTask(id).sealed, name: text, labels: { '"\0': '\\' } } }),
    ]);
    await project(script.envelopes);
    expect((await model.task(one))?.result).toEqual({
      'k"\\\uFFFD': ['a,b', '{}', '\n', '\uFFFD', 'NULL', ''],
      big: 2 ** 60,
      big2: '12',
    });
    expect((await model.task(other))?.result).toEqual(deep);
    expect(await model.task(id)).toMatchObject({
      name: 'x"\\\uFFFD{},\uFFFD\nNULL',
      labels: { '"\uFFFD': '\\' },
    });
  });

  it('follows workers as they join, are cordoned, go and come back', async () => {
    const script = new CellScript();
    const worker = 'w1' as never;
    script.worker('w1');
    script.leases([{ type: 'WorkerCordoned', worker, cordoned: true }]);
    await project(script.envelopes, [1]);
    const told = async (): Promise<unknown> =>
      (await pool.query('SELECT name, is_cordoned, gone, gone_at IS NULL AS is_here, capacity FROM worker'))
        .rows;
    expect(await told()).toEqual([
      { name: 'w1', is_cordoned: true, gone: null, is_here: true, capacity: { slots: 10 } },
    ]);
    script.leases([{ type: 'WorkerGone', worker, why: 'lost' }]);
    await empty();
    await project(script.envelopes, [2]);
    expect(await told()).toEqual([
      { name: 'w1', is_cordoned: false, gone: 'lost', is_here: false, capacity: { slots: 10 } },
    ]);
    script.worker('w1');
    await empty();
    await project(script.envelopes, [3]);
    expect(await told()).toEqual([
      { name: 'w1', is_cordoned: false, gone: null, is_here: true, capacity: { slots: 10 } },
    ]);
  });
});

describe('questions to the read model', () => {
  it('lists by page, filter and order', async () => {
    const script = new CellScript();
    const good = Array.from({ length: 5 }, () => script.life(0, { failures: [], end: 'succeeded' }));
    const bad = [
      script.life(1, { failures: [], end: 'failed' }),
      script.life(1, { failures: [], end: 'cancelled' }),
    ];
    const open = [
      script.life(0, { failures: [], end: 'open' }),
      script.life(1, { failures: [], end: 'running' }),
    ];
    const chain = script.chain(0, 3, 'succeeded');
    await project(script.envelopes);
    const all = { tenant: 1, sort: 'oldest', limit: 100, after: null } as const;
    const ids = async (query: Partial<Parameters<typeof model.tasks>[0]>): Promise<string[]> =>
      (await model.tasks({ ...all, ...query })).map(({ id }) => id);
    expect(await ids({})).toEqual([...good, ...bad, ...open, ...chain.tasks]);
    expect(await ids({ sort: 'newest', limit: 2 })).toEqual([...chain.tasks].reverse().slice(0, 2));
    expect(await ids({ sort: 'newest', limit: 1, after: chain.tasks[1] as string })).toEqual([
      chain.tasks[0],
    ]);
    expect(await ids({ limit: 2, after: good[1] as string })).toEqual([good[2], good[3]]);
    expect(await ids({ status: 'failed' })).toEqual(bad);
    expect(await ids({ state: 'cancelled' })).toEqual([bad[1]]);
    expect(await ids({ status: 'waiting' })).toEqual([open[0]]);
    expect(await ids({ status: 'in_progress' })).toEqual([open[1]]);
    expect(await ids({ status: 'done', workflow: chain.id })).toEqual(chain.tasks);
    expect(await ids({ label: { key: 'step', value: 'step 1' } })).toEqual([chain.tasks[1]]);
    expect(await ids({ name: 'step 2' })).toEqual([chain.tasks[2]]);
    expect(await ids({ tenant: 2 })).toEqual([]);
    expect(await ids({ queue: 'other' })).toEqual([]);
    const at = (await model.task(bad[0]!))?.submittedAt ?? Number.NaN;
    expect(await ids({ until: at })).toEqual(good);
    expect(await ids({ since: at, status: 'failed' })).toEqual(bad);
    expect(await model.workflows({ tenant: 1, limit: 10, after: null })).toMatchObject([
      { id: chain.id, name: 'chain', count: 3, state: 'succeeded' },
    ]);
    expect(await model.workflow(chain.id)).toMatchObject({ userId: 7, state: 'succeeded' });
    expect(await model.workflow('1')).toBeNull();
    expect(await model.task('1')).toBeNull();
  });

  it('does not show a task of which only its queue or its leases have told', async () => {
    const script = new CellScript();
    const id = script.life(0, { failures: [], end: 'running' });
    await project(script.envelopes.filter(({ stream }) => stream !== 'tasks-0'));
    expect(await model.task(id)).toBeNull();
    expect(await model.tasks({ tenant: null, sort: 'newest', limit: 10, after: null })).toEqual([]);
  });

  it('says that it is unavailable while there are no tables or no server', async () => {
    const bare = PostgresReadModel.open({ url: postgres.url, schema: 'nothing_here' });
    await expect(bare.task('1')).rejects.toThrow(ReadModelUnavailableError);
    await bare.close();
    const away = PostgresReadModel.open({ url: 'postgres://yard:x@127.0.0.1:1/yard' });
    await expect(away.positions()).rejects.toThrow(ReadModelUnavailableError);
    await away.close();
  });
});

function factsAfter(facts: TaskFacts, envelope: Envelope): TaskFacts {
  let { owner, queue, lease } = facts;
  for (const event of envelope.events) {
    switch (event.type) {
      case 'TaskSubmitted':
      case 'TasksDue':
      case 'CancelRequested':
      case 'TaskSucceeded':
      case 'TaskFailed':
      case 'TaskCancelled':
        owner = ownerFact(owner, event);
        break;
      case 'BatchQueued':
      case 'TaskBackedOff':
      case 'TasksVisible':
      case 'TaskGivenUp':
      case 'TasksRemoved':
        queue = queueFact(queue, event);
        break;
      case 'LeaseGranted':
      case 'LeaseEnded':
        lease = leaseFact(lease, event);
        break;
      default:
    }
  }
  return { owner, queue, lease };
}
