import { request } from 'node:http';
import { ERRORS, ROUTES, openApiDocument, type RouteSpec } from '@yardmaster/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLE_MATRIX } from '../auth/roles.js';
import { routerPath } from '../http/route-table.js';
import { FakeYard, keyNamed, no } from './fake-yard.js';

const SPECS: readonly RouteSpec[] = ROUTES;
let yard: FakeYard;
let operator: string;

beforeAll(async () => {
  yard = await FakeYard.open();
  operator = yard.key('operator');
});
afterAll(async () => {
  await yard.close();
});

function expectProblem(answer: Awaited<ReturnType<FakeYard['call']>>, code: keyof typeof ERRORS): void {
  expect(answer.json).toMatchObject({
    code,
    status: ERRORS[code].http,
    title: ERRORS[code].title,
    type: `https://yardmaster.dev/problems/${code}`,
  });
  expect(answer.json['traceId']).toMatch(/^[0-9a-f]{32}$/);
  expect(answer.status).toBe(ERRORS[code].http);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
}

describe('the list of routes', () => {
  it('is what the server registers, what OpenAPI describes and what the role matrix knows', () => {
    const instance = yard.app.getHttpAdapter().getInstance();
    for (const { method, path } of SPECS)
      expect(instance.hasRoute({ method, url: routerPath(path) }), `${method} ${path}`).toBe(true);
    const registered =
      instance.printRoutes({ commonPrefix: false }).match(/\((GET|PUT|POST|DELETE|PATCH)[^)]*\)/g) ?? [];
    const methods = registered.flatMap((text) =>
      text
        .slice(1, -1)
        .split(', ')
        .filter((method) => method !== 'HEAD'),
    );
    expect(methods).toHaveLength(SPECS.length);
    const document = openApiDocument('1') as {
      paths: Record<string, Record<string, { operationId: string }>>;
    };
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => `${operationId} ${method} ${path}`),
    );
    expect(described.sort()).toEqual(
      SPECS.map(
        ({ operation, method, path }) => `${operation} ${method.toLowerCase()} ${path.replace('*}', '}')}`,
      ).sort(),
    );
    expect(Object.keys(ROLE_MATRIX).sort()).toEqual(SPECS.map(({ operation }) => operation).sort());
    for (const spec of SPECS)
      expect(ROLE_MATRIX[spec.operation as keyof typeof ROLE_MATRIX] === 'open', spec.operation).toBe(
        spec.open === true,
      );
  });

  it('refuses a junk key everywhere, and no key wherever one is needed', async () => {
    for (const { method, path, open } of SPECS) {
      const address = path.replace(/\{[^}]+\}/g, 'x');
      expectProblem(await yard.call(method, address, { key: 'junk' }), 'unauthenticated');
      if (open !== true)
        expectProblem(await yard.call(method, address, { key: keyNamed('stranger') }), 'unauthenticated');
      if (open !== true) expectProblem(await yard.call(method, address, { key: null }), 'unauthenticated');
    }
  });

  it('holds each role to the matrix', async () => {
    const agent = yard.key('agent');
    const viewer = yard.key('viewer');
    expectProblem(await yard.call('GET', '/v1/tasks', { key: agent }), 'forbidden');
    expectProblem(await yard.call('POST', '/v1/tasks', { key: viewer, body: {} }), 'forbidden');
    expectProblem(
      await yard.call('PUT', '/v1/tenants/x', { key: yard.key('tenant-admin'), body: {} }),
      'forbidden',
    );
  });
});

describe('problems', () => {
  it('answers an address that is not there, a method that it does not take, and one that is malformed', async () => {
    expectProblem(await yard.call('GET', '/v1/nothing', { key: operator }), 'not-found');
    expectProblem(await yard.call('GET', '/nothing', { key: operator }), 'not-found');
    const wrongMethod = await yard.call('DELETE', '/v1/tasks', { key: operator });
    expectProblem(wrongMethod, 'method-not-allowed');
    expect(wrongMethod.json['allow']).toEqual(['POST', 'GET']);
    expectProblem(await yard.call('GET', '/v1/tasks/%zz', { key: operator }), 'invalid-request');
  });

  it.each([
    ['broken JSON', '{"run":', 'application/json', 'invalid-request'],
    ['a doubled key', '{"run":{"handler":"a"},"run":{"handler":"b"}}', 'application/json', 'invalid-request'],
    ['nothing', '', 'application/json', 'invalid-request'],
    ['a list', '[]', 'application/json', 'invalid-request'],
    ['null', 'null', 'application/json', 'invalid-request'],
    ['broken YAML', 'run: [', 'application/yaml', 'invalid-request'],
    ['a doubled YAML key', 'run: {handler: a}\nrun: {handler: b}\n', 'application/yaml', 'invalid-request'],
    ['XML', '<task/>', 'application/xml', 'unsupported-media-type'],
    ['a form', 'run=a', 'application/x-www-form-urlencoded', 'unsupported-media-type'],
  ] as const)('answers %s with a problem', async (_, body, type, code) => {
    expectProblem(await yard.call('POST', '/v1/tasks', { key: operator, body, type }), code);
  });

  it('takes large bodies by way of the disk, also after senders that left in the middle', async () => {
    const address = new URL('/v1/tasks', yard.url);
    const sendAndLeave = (declared: Record<string, string>): Promise<void> =>
      new Promise((resolve) => {
        const headers = { authorization: `Bearer ${operator}`, ...declared };
        const sent = request(address, { method: 'POST', headers });
        sent.on('error', () => undefined);
        sent.on('close', resolve);
        sent.write(Buffer.alloc(1_000_000, 32), () => sent.destroy());
      });
    await Promise.all(
      [{ 'content-length': '2000000' }, { 'transfer-encoding': 'chunked' }].flatMap((declared) =>
        Array.from({ length: 3 }, () => sendAndLeave(declared)),
      ),
    );
    const tasks = Array.from({ length: 40 }, () => ({ run: { handler: 'a', input: 'x'.repeat(20_000) } }));
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => yard.call('POST', '/v1/tasks', { key: operator, body: { tasks } })),
    );
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect(answers[3]?.json['items']).toHaveLength(40);
  });

  it('refuses too large a body by its length before it looks at the key, and one task of 300 KB', async () => {
    expectProblem(
      await yard.call('POST', '/v1/tasks', { key: null, body: 'x'.repeat(17 * 1024 * 1024) }),
      'payload-too-large',
    );
    expectProblem(
      await yard.call('POST', '/v1/tasks', {
        key: operator,
        body: { run: { handler: 'a', input: 'x'.repeat(300 * 1024) } },
      }),
      'payload-too-large',
    );
    const bulk = await yard.call('POST', '/v1/tasks', {
      key: operator,
      body: { tasks: [{ run: { handler: 'a' } }, { run: { handler: 'a', input: 'x'.repeat(300 * 1024) } }] },
    });
    expect(bulk.status).toBe(202);
    expect(bulk.json['items']).toMatchObject([{ state: 'ready' }, { error: { code: 'invalid-request' } }]);
  });

  it('survives bodies that are nested a hundred thousand levels deep', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const task = `{"run":{"handler":"a","input":${deep}}}`;
    const headers = { 'idempotency-key': 'deep' };
    expectProblem(
      await yard.call('POST', '/v1/tasks', { key: operator, body: task, headers }),
      'invalid-request',
    );
    const bulk = `{"tasks":[{"run":{"handler":"a"}},${task}]}`;
    expectProblem(
      await yard.call('POST', '/v1/tasks', { key: operator, body: bulk, headers }),
      'invalid-request',
    );
    expectProblem(
      await yard.call('POST', '/v1/workflows', { key: operator, body: deep, headers }),
      'invalid-request',
    );
    const yaml = { key: operator, body: deep, type: 'application/yaml' };
    expectProblem(await yard.call('POST', '/v1/tasks', yaml), 'invalid-request');
  });

  it('refuses bytes that are not UTF-8 and bodies that are encoded', async () => {
    expectProblem(
      await yard.call('POST', '/v1/tasks', { key: operator, body: Buffer.from([0x22, 0xff, 0xfe, 0x22]) }),
      'invalid-request',
    );
    expectProblem(
      await yard.call('POST', '/v1/tasks', {
        key: operator,
        body: 'x',
        headers: { 'content-encoding': 'gzip' },
      }),
      'unsupported-media-type',
    );
  });

  it('keeps the trace of the caller', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const answer = await yard.call('GET', '/v1/nothing', {
      key: operator,
      headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` },
    });
    expect(answer.json['traceId']).toBe(traceId);
  });

  it('says which duty does not answer', async () => {
    expectProblem(await yard.call('GET', '/readyz', { key: null }), 'unavailable');
    expect((await yard.call('GET', '/livez', { key: null })).json).toEqual({ ok: true });
  });
});

describe('submitting', () => {
  it('accepts the job of the contract, given a run', async () => {
    const job = {
      type: 'job',
      name: 'stream-processing-task',
      scheduling: { strategy: 'round-robin', priority: 'high' },
      resources: { cpu: '2', memory: '4G' },
    };
    const answer = await yard.call('POST', '/v1/tasks', {
      key: operator,
      body: { ...job, run: { command: ['true'] } },
    });
    expect(answer.status).toBe(202);
    expect(answer.json).toMatchObject({
      state: 'ready',
      position: expect.stringMatching(/^[A-Za-z0-9_-]+$/) as string,
    });
    expect(answer.headers.get('location')).toBe(`/v1/tasks/${String(answer.json['id'])}`);
    expect(yard.submitted.at(-1)).toMatchObject({
      specs: [
        {
          kind: 'command',
          priority: 750,
          strategy: 'round-robin',
          resources: { cpu: 2000, memory: 4e9 },
          capMs: 3_600_000,
          retry: { maxAttempts: 1 },
        },
      ],
      tasks: [{ content: { name: 'stream-processing-task', run: { command: ['true'] } } }],
    });
    expectProblem(await yard.call('POST', '/v1/tasks', { key: operator, body: job }), 'invalid-request');
  });

  it('names the field that is wrong and the one that was meant', async () => {
    const answer = await yard.call('POST', '/v1/tasks', {
      key: operator,
      body: { run: { handler: 'a' }, priorty: 1, scheduling: { prioritty: 'high' } },
    });
    expectProblem(answer, 'invalid-request');
    expect(answer.json['errors']).toEqual(
      expect.arrayContaining([
        {
          path: 'scheduling.prioritty',
          message: 'there is no field "prioritty" here: did you mean "priority"?',
        },
      ]),
    );
  });

  it('takes a bulk with a result for each item', async () => {
    const tasks = [
      { run: { handler: 'a' } },
      { run: { handler: 'a' }, resources: 'huge' },
      { run: {} },
      { run: { handler: 'b' } },
    ];
    const answer = await yard.call('POST', '/v1/tasks', { key: operator, body: { tasks } });
    expect(answer.status).toBe(202);
    expect(answer.json['items']).toMatchObject([
      { state: 'ready' },
      { error: { errors: [{ path: 'tasks[1].resources' }] } },
      { error: { errors: [{ path: 'tasks[2].run' }] } },
      { state: 'ready' },
    ]);
    const lines = tasks.map((task) => JSON.stringify(task)).join('\n');
    expect(
      (await yard.call('POST', '/v1/tasks', { key: operator, body: lines, type: 'application/x-ndjson' }))
        .json['items'],
    ).toHaveLength(4);
  });

  it('spreads a large bulk over the partitions and keeps one with a key together', async () => {
    const tasks = Array.from({ length: 10_000 }, () => ({ run: { handler: 'noop' } }));
    yard.submitted.length = 0;
    const spread = await yard.call('POST', '/v1/tasks', { key: operator, body: { tasks } });
    expect((spread.json['items'] as { id: string }[]).every(({ id }) => typeof id === 'string')).toBe(true);
    expect(new Set(yard.submitted.map(({ partition }) => partition)).size).toBe(8);
    yard.submitted.length = 0;
    await yard.call('POST', '/v1/tasks', {
      key: operator,
      body: { tasks },
      headers: { 'idempotency-key': 'once' },
    });
    expect(yard.submitted.map(({ tasks: { length } }) => length)).toEqual([10_000]);
    const claim = yard.submitted[0]?.claim;
    await yard.call('POST', '/v1/tasks', {
      key: operator,
      body: { tasks: [...tasks].reverse() },
      headers: { 'idempotency-key': 'once' },
    });
    expect(yard.submitted[1]?.claim).toEqual(claim);
    expect(yard.submitted[1]?.partition).toBe(yard.submitted[0]?.partition);
  });

  it('accepts the rest of a bulk when its owner refuses some of it', async () => {
    let tries = 0;
    yard.bus.answers.set('yard.cmd.v1.tasks.*', () => no('unavailable'));
    const answers = new Map(yard.bus.answers);
    for (let p = 0; p < 8; p++) {
      const accept = answers.get(`yard.cmd.v1.tasks.${String(p)}`)!;
      yard.bus.answers.set(
        `yard.cmd.v1.tasks.${String(p)}`,
        (command: { tasks: unknown[]; specs: { resources: Record<string, number> }[] }) => {
          tries++;
          const spec = command.specs.findIndex(({ resources }) => (resources['cpu'] ?? 0) > 10_000);
          if (spec < 0) return accept(command as never);
          const place = command.tasks.findIndex((task) => (task as [number])[0] === spec);
          return no('never-runnable', 'too large', {
            extra: { dimension: 'cpu' },
            errors: [{ path: `tasks[${String(place)}]`, message: 'no worker has so much cpu' }],
          });
        },
      );
    }
    const small = { run: { handler: 'a' } };
    const huge = { run: { handler: 'b' }, resources: { cpu: '64' } };
    const { status, json } = await yard.call('POST', '/v1/tasks', {
      key: operator,
      body: { tasks: [small, huge, small, huge, huge] },
    });
    for (const [subject, answer] of answers) yard.bus.answers.set(subject, answer);
    expect(status).toBe(202);
    expect(tries).toBe(2);
    expect(json['items']).toMatchObject([
      { state: 'ready' },
      { error: { code: 'never-runnable', dimension: 'cpu', errors: [{ path: 'tasks[1]' }] } },
      { state: 'ready' },
      { error: { errors: [{ path: 'tasks[3]' }] } },
      { error: { errors: [{ path: 'tasks[4]' }] } },
    ]);
  });

  it('stores a large input beside the log and pins a script by its content', async () => {
    const script = '#!/bin/sh\necho hello\n';
    expect(
      (
        await yard.call('PUT', '/v1/scripts/reports/nightly.sh', {
          key: operator,
          body: script,
          type: 'application/octet-stream',
        })
      ).json,
    ).toMatchObject({ path: 'reports/nightly.sh', bytes: script.length });
    const answer = await yard.call('POST', '/v1/tasks', {
      key: operator,
      body: { run: { script: 'reports/nightly.sh', input: { text: 'x'.repeat(20_000) } } },
    });
    expect(answer.status).toBe(202);
    const run = yard.submitted.at(-1)?.tasks[0]?.content.run;
    expect(run?.scriptHash).toMatch(/^[0-9a-f]{64}$/);
    expect(run?.input).toEqual({ $blob: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(
      (
        await yard.call('POST', '/v1/tasks', {
          key: operator,
          body: { run: { script: `sha256:${String(run?.scriptHash)}` } },
        })
      ).status,
    ).toBe(202);
    expectProblem(
      await yard.call('POST', '/v1/tasks', { key: operator, body: { run: { script: 'missing.sh' } } }),
      'script-not-found',
    );
    for (const outside of ['../../etc/passwd', '/etc/passwd', 'a/../../b', 'a\0b'])
      expectProblem(
        await yard.call('POST', '/v1/tasks', { key: operator, body: { run: { script: outside } } }),
        'invalid-request',
      );
  });

  it('answers a cycle with its path, a self-edge, an unknown parent and a doubled key', async () => {
    const submit = async (tasks: unknown): Promise<Awaited<ReturnType<FakeYard['call']>>> =>
      await yard.call('POST', '/v1/workflows', { key: operator, body: { name: 'w', tasks } });
    const run = { handler: 'a' };
    const cycle = await submit({
      a: { run, dependsOn: ['c'] },
      b: { run, dependsOn: ['a'] },
      c: { run, dependsOn: ['b'] },
      d: { run },
    });
    expectProblem(cycle, 'cycle-in-graph');
    expect(cycle.json['cycle']).toEqual(['a', 'b', 'c', 'a']);
    expectProblem(await submit({ a: { run, dependsOn: ['a'] } }), 'cycle-in-graph');
    const unknown = await submit({ extract: { run }, load: { run, dependsOn: ['extrct'] } });
    expectProblem(unknown, 'unknown-parent');
    expect(unknown.json['errors']).toEqual([
      {
        path: 'tasks.load.dependsOn[0]',
        message: 'there is no task "extrct" in this workflow: did you mean "extract"?',
      },
    ]);
    expectProblem(
      await submit([
        { name: 'a', run },
        { name: 'a', run },
      ]),
      'invalid-request',
    );
    expectProblem(
      await yard.call('POST', '/v1/workflows', {
        key: operator,
        body: '{"name":"w","tasks":{"a":{"run":{"handler":"a"}},"a":{"run":{"handler":"a"}}}}',
      }),
      'invalid-request',
    );
    expectProblem(
      await yard.call('POST', '/v1/tasks', { key: operator, body: { run, dependsOn: ['extract'] } }),
      'unknown-parent',
    );
    expectProblem(
      await yard.call('POST', '/v1/tasks', {
        key: operator,
        body: { run, dependsOn: [yard.id(1), yard.id(2)] },
      }),
      'parents-in-several-partitions',
    );
  });

  it('sends a workflow parents first, and as a blob when it is too large for a message', async () => {
    const run = { handler: 'a' };
    const answer = await yard.call('POST', '/v1/workflows', {
      key: operator,
      body: {
        name: 'w',
        tasks: {
          last: { run, dependsOn: ['middle'] },
          first: { run },
          middle: { run, dependsOn: [{ task: 'first', when: 'afterOk' }] },
        },
      },
    });
    expect(answer.status).toBe(202);
    expect(Object.keys(answer.json['tasks'] as object).sort()).toEqual(['first', 'last', 'middle']);
    expect(yard.submitted.at(-1)?.tasks.map(({ content, parents }) => [content.key, parents])).toEqual([
      ['first', []],
      ['middle', [0]],
      ['last', [1]],
    ]);
    const large = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [
        `task-${String(i)}`,
        {
          run: { handler: 'a', args: ['x'.repeat(40)] },
          dependsOn: i === 0 ? [] : [`task-${String(i - 1)}`],
        },
      ]),
    );
    const accepted = await yard.call('POST', '/v1/workflows', {
      key: operator,
      body: { name: 'large', tasks: large },
    });
    expect(accepted.status).toBe(202);
    expect(yard.bus.asked.at(-1)?.body).toMatchObject({ op: 'submit-blob' });
    expect(yard.submitted.at(-1)?.tasks).toHaveLength(20_000);
  });

  it('refuses what comes later by name', async () => {
    const run = { handler: 'a' };
    for (const [body, path] of [
      [{ run, isolation: 'sandbox' }, 'isolation'],
      [{ run, concurrencyKey: 'x' }, 'concurrencyKey'],
      [{ run, scheduling: { type: 'cron' } }, 'scheduling.type'],
      [{ run: { container: {} } }, 'run.container'],
      [{ run, checkpoint: true }, 'checkpoint'],
      [{ run, notify: [{}] }, 'notify'],
      [{ run, dependsOn: [{ task: '1', when: 'afterAny' }] }, 'dependsOn[0].when'],
      [{ run, scheduling: { onDelay: 'fail' } }, 'scheduling.onDelay'],
      [{ run, constraints: { prefer: { disk: 'ssd' } } }, 'constraints.prefer'],
      [{ run, scheduling: { strategy: 'tetris' } }, 'scheduling.strategy'],
    ] as const) {
      const answer = await yard.call('POST', '/v1/tasks', { key: operator, body });
      expectProblem(answer, 'invalid-request');
      const fault = (answer.json['errors'] as { path: string; message: string }[]).find(
        (one) => one.path === path,
      );
      expect(fault?.message, path).toContain('not available yet');
    }
    expect(
      (
        await yard.call('POST', '/v1/tasks', {
          key: operator,
          body: {
            run,
            isolation: 'none',
            constraints: { require: {}, prefer: {}, avoid: {}, tolerate: [] },
            checkpoint: false,
            notify: [],
            scheduling: { type: 'once', onDelay: 'run' },
          },
        })
      ).status,
    ).toBe(202);
  });
});

describe('other tenants', () => {
  it('are not there', async () => {
    const stranger = yard.key('tenant-admin', 2);
    const id = yard.id(0);
    for (const { method, path, body } of SPECS) {
      if (!path.includes('{id}') || !/tasks|workflows/.test(path)) continue;
      const sent = { key: stranger, ...(body ? { body: {} } : {}) };
      for (const one of [id, 'x'])
        expectProblem(await yard.call(method, path.replace('{id}', one), sent), 'not-found');
    }
    expectProblem(await yard.call('GET', '/v1/tenants/default', { key: stranger }), 'not-found');
    expectProblem(
      await yard.call('POST', '/v1/tenants/default/keys', { key: stranger, body: { role: 'viewer' } }),
      'not-found',
    );
    expectProblem(
      await yard.call('POST', '/v1/tenants/tenant-2/keys', { key: stranger, body: { role: 'operator' } }),
      'forbidden',
    );
    expectProblem(
      await yard.call('GET', `/v1/worker/blobs/1/${'0'.repeat(64)}`, { key: stranger }),
      'not-found',
    );
  });
});
