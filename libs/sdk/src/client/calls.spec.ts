import { problemOf, rejection, type ErrorCode } from '@yardmaster/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { YardApiError, TaskFailedError, WaitTimeoutError } from './errors.js';
import { FakeYard, json, type Answer } from '../../test/fake-yard.js';
import { Yard, type YardOptions } from './yard.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const it of open.splice(0)) await it.close();
});

async function yardThat(answer: Answer, options: YardOptions = {}): Promise<{ yard: Yard; fake: FakeYard }> {
  const fake = await FakeYard.start(answer);
  const yard = new Yard({ url: fake.url, token: 'yk_test', retryFor: '3s', ...options });
  open.push(yard, { close: () => fake.stop() });
  return { yard, fake };
}

const refuse = (code: ErrorCode, more: object = {}): [number, unknown] => {
  const problem = problemOf(rejection(code, `because ${code}`, more), 'trace');
  return [problem.status, problem];
};
const accepted = { id: '7312345678901234567', state: 'queued', position: 'tasks-3.17.0' };
const task = { run: { command: ['true'] } };

describe('a call', () => {
  it('carries the key and a random idempotency key, and gives a handle', async () => {
    const { yard, fake } = await yardThat((response) => {
      json(response, 202, accepted);
    });
    const handle = await yard.tasks.submit(task);
    expect(handle).toMatchObject({ id: accepted.id, position: accepted.position });
    expect(fake.seen[0]).toMatchObject({ method: 'POST', url: '/v1/tasks', body: JSON.stringify(task) });
    expect(fake.seen[0]?.headers).toMatchObject({
      authorization: 'Bearer yk_test',
      'idempotency-key': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
  });

  it('is repeated with the same idempotency key while the outcome is unknown', async () => {
    let n = 0;
    const { yard, fake } = await yardThat((response) => {
      if (n++ < 2) json(response, ...refuse('outcome-unknown'));
      else json(response, 202, accepted);
    });
    await yard.tasks.submit(task);
    expect(new Set(fake.seen.map((s) => s.headers['idempotency-key'])).size).toBe(1);
    expect(fake.seen).toHaveLength(3);
  });

  it('is repeated when the connection broke under it', async () => {
    let n = 0;
    const { yard, fake } = await yardThat((response) => {
      if (n++ === 0) response.socket?.destroy();
      else json(response, 202, accepted);
    });
    await yard.tasks.submit(task);
    expect(fake.seen).toHaveLength(2);
  });

  it('without a key is not repeated when the first may have been stored', async () => {
    const { yard, fake } = await yardThat((response) => response.socket?.destroy());
    await expect(yard.tasks.submit(task, { idempotencyKey: null })).rejects.toMatchObject({
      name: 'YardApiError',
      code: 'outcome-unknown',
      status: 0,
    });
    expect(fake.seen).toHaveLength(1);
  });

  it('without a key is repeated when it was refused before anything was stored', async () => {
    let n = 0;
    const { yard, fake } = await yardThat((response) => {
      if (n++ === 0) json(response, ...refuse('overloaded'));
      else json(response, 202, accepted);
    });
    await yard.tasks.submit(task, { idempotencyKey: null });
    expect(fake.seen[0]?.headers['idempotency-key']).toBeUndefined();
    expect(fake.seen).toHaveLength(2);
  });

  it('that is refused for good fails with the code, the detail and the fields', async () => {
    const errors = [{ path: 'run', message: 'is needed' }];
    const { yard, fake } = await yardThat((response) => {
      json(response, ...refuse('invalid-request', { errors }));
    });
    const error = await yard.tasks.submit(task).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(YardApiError);
    expect(error).toMatchObject({
      code: 'invalid-request',
      status: 400,
      message: 'because invalid-request',
      retryable: false,
      problem: { errors },
    });
    expect(fake.seen).toHaveLength(1);
  });

  it('that is limited for longer than repeats go on fails at once and says for how long', async () => {
    const { yard, fake } = await yardThat((response) => {
      json(response, ...refuse('rate-limit-exceeded', { retryAfter: 1800 }));
    });
    await expect(yard.tasks.submit(task)).rejects.toMatchObject({
      code: 'rate-limit-exceeded',
      retryAfter: 1800,
    });
    expect(fake.seen).toHaveLength(1);
  });

  it('to a place where nothing listens fails with unavailable and the address', async () => {
    const { yard, fake } = await yardThat(() => undefined, { retryFor: 0 });
    await fake.stop();
    await expect(yard.tasks.get('1')).rejects.toMatchObject({
      code: 'unavailable',
      message: `no yard answers at ${fake.url} (ECONNREFUSED)`,
    });
  });

  it('answered by something that is no yard still gets a code', async () => {
    const { yard } = await yardThat((response) => {
      response.writeHead(404).end('<html>nothing</html>');
    });
    await expect(yard.tasks.get('1')).rejects.toMatchObject({
      code: 'not-found',
      status: 404,
      message: 'HTTP 404: <html>nothing</html>',
      problem: null,
    });
  });
});

describe('a bulk submission', () => {
  it('goes in slices without a key, and keeps the order over items that are refused', async () => {
    const { yard, fake } = await yardThat((response, { body }) => {
      const { tasks } = JSON.parse(body) as { tasks: { name: string }[] };
      json(response, 202, {
        items: tasks.map((t) =>
          t.name === '13' ? { error: refuse('never-runnable')[1] } : { id: `9${t.name}`, state: 'queued' },
        ),
        position: 'p',
      });
    });
    const items = await yard.tasks.submitMany(
      Array.from({ length: 25 }, (_, i) => ({ ...task, name: String(i) })),
      { sliceSize: 10 },
    );
    expect(fake.seen.map((s) => s.headers['idempotency-key'])).toEqual([undefined, undefined, undefined]);
    expect(items.map((item) => (item.ok ? item.task.id : item.error.code))).toEqual(
      Array.from({ length: 25 }, (_, i) => (i === 13 ? 'never-runnable' : `9${String(i)}`)),
    );
  });

  it('is cut by size before the yard would refuse it', async () => {
    const { yard, fake } = await yardThat((response, { body }) => {
      const { tasks } = JSON.parse(body) as { tasks: unknown[] };
      json(response, 202, { items: tasks.map(() => ({ id: '1', state: 'queued' })), position: 'p' });
    });
    const big = { run: { handler: 'h', input: 'é'.repeat(100_000) } };
    await yard.tasks.submitMany(Array.from({ length: 100 }, () => big));
    expect(fake.seen).toHaveLength(2);
    for (const { body } of fake.seen) expect(Buffer.byteLength(body)).toBeLessThan(16 * 1024 * 1024);
  });

  it('with a key gives each slice its own', async () => {
    const { yard, fake } = await yardThat((response) => {
      json(response, 202, { items: [], position: 'p' });
    });
    await yard.tasks.submitMany([task, task, task], { sliceSize: 1, idempotencyKey: 'k' });
    expect(fake.seen.map((s) => s.headers['idempotency-key']).sort()).toEqual(['k/0', 'k/1', 'k/2']);
  });
});

describe('waiting for a task', () => {
  const running = {
    id: '5',
    name: 'n',
    state: 'running',
    status: 'in_progress',
    result: null,
    error: null,
    category: null,
  };

  it('polls until the end and returns the result', async () => {
    let n = 0;
    const { yard, fake } = await yardThat((response) => {
      json(
        response,
        200,
        n++ === 0 ? running : { ...running, status: 'done', state: 'succeeded', result: { x: 1 } },
      );
    });
    await expect(yard.tasks.handle('5').result()).resolves.toEqual({ x: 1 });
    expect(fake.seen[0]?.url).toBe('/v1/tasks/5?wait=30000ms');
  });

  it('throws what the task failed with', async () => {
    const failed = { ...running, status: 'failed', state: 'failed', error: 'exit 3', category: 'app' };
    const { yard } = await yardThat((response) => {
      json(response, 200, failed);
    });
    const error = await yard.tasks.result('5').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TaskFailedError);
    expect(error).toMatchObject({
      state: 'failed',
      category: 'app',
      message: 'task 5 (n) is failed: exit 3',
    });
  });

  it('ends when the time is up', async () => {
    const { yard } = await yardThat((response) => {
      json(response, 200, running);
    });
    await expect(yard.tasks.result('5', { timeout: '20ms' })).rejects.toBeInstanceOf(WaitTimeoutError);
  });

  it('reads a large result in full', async () => {
    const { yard } = await yardThat((response, { url }) => {
      json(
        response,
        200,
        url.endsWith('/result')
          ? { result: 'all of it' }
          : { ...running, status: 'done', result: { $blob: 'ab' } },
      );
    });
    await expect(yard.tasks.result('5')).resolves.toBe('all of it');
  });

  it('shares one event stream when many wait', async () => {
    const done = new Set<string>();
    const streams: ((id: string) => void)[] = [];
    const { yard, fake } = await yardThat((response, { url }) => {
      if (url.startsWith('/v1/events')) {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n');
        streams.push((id) =>
          response.write(
            `id: p${id}\nevent: TaskSucceeded\ndata: ${JSON.stringify({ type: 'TaskSucceeded', task: id })}\n\n`,
          ),
        );
        return;
      }
      const id = /tasks\/(\d+)/.exec(url)?.[1] ?? '';
      if (url.includes('wait='))
        setTimeout(() => {
          json(response, 200, { ...running, id, status: 'done', result: id });
        }, 300);
      else json(response, 200, { ...running, id, ...(done.has(id) ? { status: 'done', result: id } : {}) });
    });
    const results = Promise.all(Array.from({ length: 200 }, (_, i) => yard.tasks.result(String(1000 + i))));
    await expect.poll(() => fake.seen.length).toBe(64 + 1 + 136);
    for (let i = 0; i < 200; i++) {
      done.add(String(1000 + i));
      streams[0]?.(String(1000 + i));
    }
    await expect(results).resolves.toEqual(Array.from({ length: 200 }, (_, i) => String(1000 + i)));
    expect(streams).toHaveLength(1);
  });
});
