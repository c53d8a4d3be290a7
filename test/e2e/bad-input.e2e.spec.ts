import { rmSync } from 'node:fs';
import { pack } from '@yardmaster/contracts';
import { Yard } from '@yardmaster/sdk';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Broker } from '../support/broker.js';
import { killTree, until } from '../support/processes.js';
import { http, type Answer } from './journey/traveller.js';
import { startYard, type StartedYard } from './start-yard.js';

const run = { command: ['true'] };
const YAML = { 'content-type': 'application/yaml' };

/** What is wrong, where it is sent, and what the one catalogue calls it. */
const REFUSED: readonly (readonly [
  what: string,
  path: string,
  body: unknown,
  status: number,
  code: string,
  says: RegExp,
  headers?: Record<string, string>,
])[] = [
  ['an unknown field', '/v1/tasks', { run, naem: 'x' }, 400, 'invalid-request', /did you mean "name"/],
  [
    'an unknown field deep inside',
    '/v1/tasks',
    { run, scheduling: { priorty: 'high' } },
    400,
    'invalid-request',
    /did you mean "priority"/,
  ],
  ['a wrong type', '/v1/tasks', { run: { command: 'true' } }, 400, 'invalid-request', /run\.command/],
  ['a missing run', '/v1/tasks', { name: 'x' }, 400, 'invalid-request', /run/],
  [
    'two kinds of run',
    '/v1/tasks',
    { run: { command: ['true'], handler: 'x' } },
    400,
    'invalid-request',
    /exactly one/,
  ],
  [
    'a path outside the root',
    '/v1/tasks',
    { run: { script: '../../etc/passwd' } },
    400,
    'invalid-request',
    /run\.script/,
  ],
  [
    'an absolute path',
    '/v1/tasks',
    { run: { script: '/etc/passwd' } },
    400,
    'invalid-request',
    /run\.script/,
  ],
  [
    'a script that nobody uploaded',
    '/v1/tasks',
    { run: { script: 'no/such.sh' } },
    422,
    'script-not-found',
    /no\/such\.sh/,
  ],
  [
    'a bad duration',
    '/v1/tasks',
    { run, executionCap: 'ten minutes' },
    400,
    'invalid-request',
    /executionCap/,
  ],
  [
    'a bad resource',
    '/v1/tasks',
    { run, resources: { cpu: 'lots' } },
    400,
    'invalid-request',
    /resources\.cpu/,
  ],
  [
    'an unknown tier',
    '/v1/tasks',
    { run, resources: 'regulr' },
    400,
    'invalid-request',
    /did you mean "regular"/,
  ],
  [
    'a queue that is not there',
    '/v1/tasks',
    { run, scheduling: { queue: 'defualt' } },
    400,
    'invalid-request',
    /default/,
  ],
  [
    'a task no worker could ever run',
    '/v1/tasks',
    { run, resources: { cpu: '100000' } },
    422,
    'never-runnable',
    /cpu/,
  ],
  [
    '300 KB of one task',
    '/v1/tasks',
    { run: { handler: 'x', input: 'y'.repeat(300 * 1024) } },
    413,
    'payload-too-large',
    /256/,
  ],
  ['no JSON', '/v1/tasks', '{"run": ', 400, 'invalid-request', /JSON/],
  ['no YAML', '/v1/tasks', 'run: [\n  - "x', 400, 'invalid-request', /YAML/, YAML],
  ['a body that is no object', '/v1/tasks', '[1, 2]', 400, 'invalid-request', /./],
  ['an empty body', '/v1/tasks', '', 400, 'invalid-request', /./],
  [
    'another kind of body',
    '/v1/tasks',
    '<task/>',
    415,
    'unsupported-media-type',
    /./,
    { 'content-type': 'application/xml' },
  ],
  ['an unknown parent of a lone task', '/v1/tasks', { run, dependsOn: ['1'] }, 422, 'unknown-parent', /1/],
  ['a parent that is no id', '/v1/tasks', { run, dependsOn: ['extract'] }, 422, 'unknown-parent', /extract/],
  [
    'an unknown parent',
    '/v1/workflows',
    { name: 'w', tasks: { a: { run, dependsOn: ['b'] } } },
    422,
    'unknown-parent',
    /"?b"?/,
  ],
  [
    'a self-edge',
    '/v1/workflows',
    { name: 'w', tasks: { a: { run, dependsOn: ['a'] } } },
    422,
    'cycle-in-graph',
    /a/,
  ],
  [
    'a cycle, whose path it names',
    '/v1/workflows',
    {
      name: 'w',
      tasks: {
        a: { run, dependsOn: ['c'] },
        b: { run, dependsOn: ['a'] },
        c: { run, dependsOn: ['b'] },
        d: { run },
      },
    },
    422,
    'cycle-in-graph',
    /a.*b.*c|b.*c.*a|c.*a.*b|c.*b.*a|b.*a.*c|a.*c.*b/,
  ],
  [
    'a doubled key in JSON',
    '/v1/workflows',
    '{"name": "w", "tasks": {"a": {"run": {"command": ["true"]}}, "a": {"run": {"command": ["false"]}}}}',
    400,
    'invalid-request',
    /a/,
  ],
  [
    'a doubled key in YAML',
    '/v1/workflows',
    'name: w\ntasks:\n  a: {run: {command: ["true"]}}\n  a: {run: {command: ["false"]}}\n',
    400,
    'invalid-request',
    /a/,
    YAML,
  ],
  [
    'a doubled name in a list',
    '/v1/workflows',
    {
      name: 'w',
      tasks: [
        { name: 'a', run },
        { name: 'a', run },
      ],
    },
    400,
    'invalid-request',
    /a/,
  ],
  [
    'one wrong task among right ones',
    '/v1/workflows',
    { name: 'w', tasks: { a: { run }, b: { run: {} } } },
    400,
    'invalid-request',
    /tasks\.b/,
  ],
  ['a workflow without tasks', '/v1/workflows', { name: 'w', tasks: {} }, 400, 'invalid-request', /tasks/],
];

describe('bad input', () => {
  let yard: StartedYard;
  let broker: Broker;
  beforeAll(async () => {
    yard = await startYard();
    broker = await Broker.of(yard.home);
    // What its owner does not know is looked up in the tables, which are made behind the start.
    await until('the tables', async () => (await http(yard, 'GET', '/v1/tasks')).status === 200, {
      everyMs: 100,
    });
  });
  afterAll(async () => {
    await broker?.close();
    await yard?.stop();
    if (yard === undefined) return;
    await killTree(yard.home);
    rmSync(yard.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  describe('is refused with its code and leaves nothing behind', () => {
    let before: Record<string, number>;
    beforeEach(async () => {
      before = await broker.taskHeads();
    });
    afterEach(async () => {
      expect(await broker.taskHeads()).toEqual(before);
    });

    it.each(REFUSED.map((row): [string, (typeof REFUSED)[number]] => [row[0], row]))(
      '%s',
      async (_, [, path, body, status, code, says, headers]) => {
        const answer = await http(yard, 'POST', path, body, headers);
        expect(answer).toMatchObject({
          status,
          body: { status, code, traceId: expect.stringMatching(/./) as string },
        });
        expect(answer.headers.get('content-type')).toContain('application/problem+json');
        expect(`${String(answer.body.detail)} ${JSON.stringify(answer.body.errors)}`).toMatch(says);
      },
    );

    it('a script uploaded outside the root', async () => {
      for (const path of ['..%2F..%2Fx.sh', '%2Fetc%2Fx.sh', 'a/..%2F..%2Fx.sh'])
        expect([
          path,
          (await http(yard, 'PUT', `/v1/scripts/${path}`, '#!/bin/sh\n', { 'content-type': 'text/plain' }))
            .status,
        ]).toEqual([path, 400]);
    });

    it('a missing, wrong or damaged key', async () => {
      const damaged = yard.token.slice(0, -1) + (yard.token.endsWith('0') ? '1' : '0');
      for (const token of [null, 'nonsense', damaged])
        expect(await http({ url: yard.url, token }, 'POST', '/v1/tasks', { run })).toMatchObject({
          status: 401,
          body: { code: 'unauthenticated' },
        });
      expect(
        await http({ url: yard.url, token: null }, 'GET', '/v1/tasks', undefined, {
          authorization: 'Basic eDp5',
        }),
      ).toMatchObject({ status: 401 });
    });

    it('a key of a role that may not', async () => {
      const viewer = await keyOf(yard, 'default', 'viewer');
      expect(await http(viewer, 'POST', '/v1/tasks', { run })).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      });
      expect((await http(viewer, 'GET', '/v1/queues')).status).toBe(200);
    });

    it('what is not there', async () => {
      for (const path of [
        '/v1/tasks/1',
        '/v1/tasks/nonsense',
        '/v1/workflows/1',
        '/v1/workers/nobody',
        '/v1/queues/nothing',
        '/v1/nothing',
      ])
        expect([path, await http(yard, 'GET', path)]).toMatchObject([
          path,
          { status: 404, body: { code: 'not-found' } },
        ]);
      expect(await http(yard, 'DELETE', '/v1/tasks')).toMatchObject({
        status: 405,
        body: { code: 'method-not-allowed' },
      });
    });

    it('wrong questions', async () => {
      for (const path of [
        '/v1/tasks?limit=0',
        '/v1/tasks?statsu=done',
        '/v1/tasks?cursor=zzz',
        '/v1/events?from=zzz',
        '/v1/tasks?since=yesterday',
      ])
        expect([path, await http(yard, 'GET', path)]).toMatchObject([
          path,
          { status: 400, body: { code: 'invalid-request' } },
        ]);
    });
  });

  it('refuses one item of a bulk and takes the others', async () => {
    const { status, body } = await http(yard, 'POST', '/v1/tasks', {
      tasks: [{ run }, { run: {} }, { run, resources: { cpu: '100000' } }, { run }],
    });
    expect(status).toBe(202);
    expect(body.items).toMatchObject([
      { id: expect.stringMatching(/^\d+$/) as string },
      { error: { code: 'invalid-request' } },
      { error: { code: 'never-runnable' } },
      { id: expect.stringMatching(/^\d+$/) as string },
    ]);
  });

  it('refuses the same idempotency key with another body', async () => {
    const key = { 'idempotency-key': 'bad-input-1' };
    const first = await http(yard, 'POST', '/v1/workflows', { name: 'w', tasks: { a: { run } } }, key);
    expect(first.status).toBe(202);
    expect(
      await http(yard, 'POST', '/v1/workflows', { name: 'w', tasks: { b: { run } } }, key),
    ).toMatchObject({ status: 422, body: { code: 'idempotency-mismatch' } });
    expect(
      await http(yard, 'POST', '/v1/workflows', { name: 'w', tasks: { a: { run } } }, key),
    ).toMatchObject({ status: 202, body: { id: first.body.id as string } });
  });

  it('shows nobody the tasks of another tenant', async () => {
    await http(yard, 'PUT', '/v1/tenants/stranger', {});
    const stranger = await keyOf(yard, 'stranger', 'submitter');
    const { body: mine } = await http(yard, 'POST', '/v1/tasks', { run: { handler: 'nobody' } });
    const { body: flow } = await http(yard, 'POST', '/v1/workflows', { name: 'w', tasks: { a: { run } } });
    const id = String(mine.id);
    const asked: [string, string][] = [
      ['GET', `/v1/tasks/${id}`],
      ['GET', `/v1/tasks/${id}/why`],
      ['GET', `/v1/tasks/${id}/logs`],
      ['GET', `/v1/tasks/${id}/events`],
      ['GET', `/v1/tasks/${id}/result`],
      ['GET', `/v1/tasks/${id}/attempts`],
      ['GET', `/v1/tasks/${id}/upstream`],
      ['POST', `/v1/tasks/${id}/cancel`],
      ['GET', `/v1/events?task=${id}`],
      ['GET', `/v1/workflows/${String(flow.id)}`],
      ['GET', `/v1/workflows/${String(flow.id)}/graph`],
      ['POST', `/v1/workflows/${String(flow.id)}/cancel`],
    ];
    for (const [method, path] of asked)
      expect([path, await http(stranger, method, path)]).toMatchObject([
        path,
        { status: 404, body: { code: 'not-found' } },
      ]);
    expect(
      await http(stranger, 'POST', '/v1/tasks', { run: { handler: 'x' }, dependsOn: [id] }),
    ).toMatchObject({ status: 422, body: { code: 'unknown-parent' } });
    expect(await http(stranger, 'GET', '/v1/tasks')).toMatchObject({ status: 200, body: { items: [] } });
    expect(await http(yard, 'GET', `/v1/tasks/${id}`)).toMatchObject({ body: { status: 'waiting' } });
    await http(yard, 'POST', `/v1/tasks/${id}/cancel`);
  });

  it('survives garbage on every subject of commands, counts it, and goes on', async () => {
    const bytes = [
      new Uint8Array(0),
      Buffer.from('garbage'),
      Buffer.from([0xc1, 0xff, 0x00]),
      Buffer.from([0x07]),
      Buffer.from([0x93, 0x01, 0x02]),
      Buffer.alloc(100_000, 0x91),
    ];
    const subjects = [
      'tasks.0',
      'tasks.7',
      'limits',
      'ids',
      'cluster',
      'monitor',
      'queue.main',
      'batcher.main',
      'leases.main',
      'lease-frames.main',
    ].map((name) => `yard.cmd.v1.${name}`);
    const counted = async (): Promise<number> =>
      sumOf(String((await http(yard, 'GET', '/metrics')).body), 'yard_bad_messages_total');
    const before = await counted();
    const cluster = (await http(yard, 'GET', '/v1/cluster')).body as { nodes: { node: string }[] };
    subjects.push(
      `yard.cmd.v1.worker.${cluster.nodes[0]?.node ?? ''}`,
      `yard.tel.v1.ends.${cluster.nodes[0]?.node ?? ''}`,
      'yard.tel.v1.heartbeat.x',
      'yard.tel.v1.key-revoked',
    );
    for (const subject of subjects) for (const data of bytes) broker.connection.publish(subject, data);
    const replies = await Promise.all(
      subjects
        .slice(0, 9)
        .map((subject) => broker.connection.request(subject, Buffer.from('garbage'), { timeout: 5_000 })),
    );
    expect(replies).toHaveLength(9);
    expect(await counted()).toBeGreaterThanOrEqual(before + 9);
    for (const path of ['/v1/cluster', '/v1/alerts', '/v1/workers', '/v1/queues', '/v1/capacity', '/readyz'])
      expect([path, (await http(yard, 'GET', path)).status]).toEqual([path, 200]);
    const head = Buffer.from('garbage').toString('base64');
    const letters = async (): Promise<unknown> =>
      (await http(yard, 'GET', '/v1/dead-letters?limit=500')).body.items;
    for (const subject of subjects.slice(0, 9))
      await expect.poll(letters).toContainEqual(expect.objectContaining({ where: 'command', subject, head }));
    expect(await workOf(yard)).toBe('succeeded');
  });

  it('survives garbage in its own streams', async () => {
    const heads = Object.keys(await broker.heads());
    for (const stream of heads)
      broker.connection.publish(
        `yard.evt.v1.${stream.startsWith('dead') ? stream : stream.replace('-', '.')}`,
        Buffer.from('garbage'),
      );
    await broker.connection.flush();
    // Each by itself, with work to push behind it: what is said next would hide it.
    for (const credit of [null, 7, 'x', [[5]], { exec: 5 }, { exec: [null] }]) {
      broker.connection.publish('yard.cmd.v1.batcher.main', pack({ op: 'credit', credit }));
      await broker.connection.flush();
      expect([credit, await workOf(yard)]).toEqual([credit, 'succeeded']);
    }
    for (let i = 0; i < 16; i++) expect(await workOf(yard)).toBe('succeeded');
    const letters = async (): Promise<string> =>
      JSON.stringify((await http(yard, 'GET', '/v1/dead-letters?limit=500')).body);
    for (const stream of heads.filter((name) => /^(tasks|queue|leases)-/.test(name)))
      await expect.poll(letters).toContain(`${stream} #`);
  });

  it('keeps a few of a flood of garbage, and counts all of it', async () => {
    const before = (await broker.heads())['dead-letters'] ?? 0;
    for (let i = 0; i < 20_000; i++) broker.connection.publish('yard.cmd.v1.limits', Buffer.from('garbage'));
    await broker.connection.flush();
    expect(await workOf(yard)).toBe('succeeded');
    const kept = ((await broker.heads())['dead-letters'] ?? 0) - before;
    expect(kept).toBeLessThan(500);
    const text = String((await http(yard, 'GET', '/metrics')).body);
    expect(sumOf(text, 'yard_bad_messages_total{where="command"')).toBeGreaterThan(20_000);
  });

  it('survives messages that are well packed and mean nothing', async () => {
    const cluster = (await http(yard, 'GET', '/v1/cluster')).body as { nodes: { node: string }[] };
    const node = cluster.nodes[0]?.node ?? '';
    const ops: Record<string, readonly string[]> = {
      'cmd.v1.tasks.0': 'submit submit-blob get cancel get-workflow cancel-workflow around progress'.split(
        ' ',
      ),
      'cmd.v1.limits': 'authenticate grant give-back revoke-key list-tenants'.split(' '),
      'cmd.v1.ids': ['lease'],
      'cmd.v1.cluster': ['view', 'assign'],
      'cmd.v1.monitor': ['alerts'],
      'cmd.v1.queue.main': ['push', 'list', 'pause', 'why'],
      'cmd.v1.batcher.main': ['credit', 'depths', 'why'],
      'cmd.v1.leases.main': ['workers', 'capacity', 'cordon', 'withdraw', 'why'],
      'cmd.v1.lease-frames.main': [],
      [`cmd.v1.worker.${node}`]: [],
      [`cmd.v1.metrics.${node}`]: [],
      [`tel.v1.ends.${node}`]: [],
      'tel.v1.heartbeat.x': [],
      'tel.v1.key-revoked': [],
    };
    const values: readonly unknown[] = [7, 'x', [5], [[5]], { a: 5 }, null, -1];
    for (const [subject, names] of Object.entries(ops)) {
      for (const value of values) broker.connection.publish(`yard.${subject}`, pack(value));
      for (const op of names)
        for (const value of values) {
          const fields =
            'id tenant user task tasks specs of credit leases worker cordoned queue paused hash direction depth sha256 waiter claim name'.split(
              ' ',
            );
          const body = Object.fromEntries(fields.map((field) => [field, value]));
          broker.connection.publish(`yard.${subject}`, pack({ ...body, op }));
        }
    }
    await broker.connection.flush();
    for (let i = 0; i < 16; i++) expect(await workOf(yard)).toBe('succeeded');
    for (const path of ['/v1/cluster', '/v1/alerts', '/v1/workers', '/v1/queues', '/v1/capacity', '/readyz'])
      expect([path, (await http(yard, 'GET', path)).status]).toEqual([path, 200]);
  });

  it('admits exactly what a subscription allows, then says when to come back, also after a restart', async () => {
    await http(yard, 'PUT', '/v1/subscriptions/seven', { tasksPerHour: 7 });
    await http(yard, 'PUT', '/v1/tenants/limited', { subscription: 'seven' });
    const limited = await keyOf(yard, 'limited', 'submitter');
    const submit = async (): Promise<Answer> =>
      await http(limited, 'POST', '/v1/tasks', { run: { handler: 'nobody' } });
    const answers: Answer[] = [];
    for (let i = 0; i < 9; i++) answers.push(await submit());
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202, 202, 202, 429, 429]);
    const refused = answers[8]!;
    expect(refused.body).toMatchObject({ code: 'rate-limit-exceeded', title: 'Limit exceeded' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_000);

    await broker.close();
    const { home } = yard;
    await yard.stop({ keep: true });
    yard = await startYard({ home });
    broker = await Broker.of(home);
    const after = await http({ url: yard.url, token: limited.token }, 'POST', '/v1/tasks', {
      run: { handler: 'nobody' },
    });
    expect(after).toMatchObject({ status: 429, body: { code: 'rate-limit-exceeded' } });
    // Lists lag behind the log, the more so behind a start: what is asked is how many there are in the end.
    await until('the lists to have caught up', async () => {
      const { projectionLag } = (await http(yard, 'GET', '/v1/cluster')).body as {
        projectionLag?: Record<string, number>;
      };
      const behind = Object.values(projectionLag ?? {});
      return behind.length > 0 && behind.every((events) => events === 0);
    });
    expect((await http(yard, 'GET', '/v1/tasks?tenant=limited')).body.items).toHaveLength(7);
  });
});

async function keyOf(
  yard: StartedYard,
  tenant: string,
  role: string,
): Promise<{ url: string; token: string }> {
  const { status, body } = await http(yard, 'POST', `/v1/tenants/${tenant}/keys`, { role });
  expect(status).toBe(201);
  return { url: yard.url, token: String(body.key) };
}

async function workOf({ url, token }: StartedYard): Promise<string> {
  await using yard = new Yard({ url, token });
  const task = await yard.tasks.submit({ run });
  return (await task.wait({ timeout: '30s' })).state;
}

function sumOf(text: string, metric: string): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(metric))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
