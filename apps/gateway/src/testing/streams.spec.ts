import { Readable } from 'node:stream';
import type { EndNotice, TaskCommand, TaskView } from '@yardmaster/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeYard, no, ok } from './fake-yard.js';

let yard: FakeYard;
let key: string;
const tasks = new Map<string, TaskView>();

function view(id: string, state: string, more: Partial<TaskView> = {}): TaskView {
  return {
    id,
    tenant: 1,
    userId: 7,
    state,
    workflow: null,
    content: {
      name: 'a task',
      key: null,
      labels: null,
      run: { script: null, scriptHash: null, command: null, args: null, env: null, input: null },
    },
    spec: {
      kind: 'handler',
      handler: 'noop',
      resources: { slots: 1 },
      queue: 'default',
      classRank: 2,
      priority: 500,
      strategy: null,
      delayToleranceMs: null,
      capMs: 3_600_000,
      retry: { maxAttempts: 1, lostBudget: 5, initialBackoffMs: 1000, maxBackoffMs: 300_000, on: null },
      idempotent: false,
      require: {},
    },
    dueAt: null,
    parents: [],
    submittedAt: 1,
    startedAt: null,
    endedAt: null,
    attempts: [],
    result: null,
    error: null,
    category: null,
    admittedBy: { node: 'n', epoch: 1 },
    waitReason: null,
    ...more,
  };
}

beforeAll(async () => {
  yard = await FakeYard.open();
  key = yard.key('operator');
  yard.bus.answers.set('yard.cmd.v1.tasks.0', (command: TaskCommand) => {
    const task = 'id' in command ? tasks.get(command.id) : undefined;
    if (
      task === undefined ||
      ('tenant' in command && command.tenant !== null && command.tenant !== task.tenant)
    )
      return no('not-found', 'there is no such task');
    return command.op === 'cancel' ? no('already-ended') : ok(task);
  });
});
afterAll(async () => {
  await yard.close();
});

describe('waiting', () => {
  it('answers as soon as the owner tells the end', async () => {
    const id = yard.id(0);
    tasks.set(id, view(id, 'running'));
    const started = performance.now();
    const answer = yard.call('GET', `/v1/tasks/${id}?wait=20s`, { key });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(yard.bus.asked.some(({ body }) => (body as { waiter?: string }).waiter === 'g1')).toBe(true);
    tasks.set(id, view(id, 'succeeded', { result: { sum: 3 }, endedAt: 5 }));
    yard.bus.publish('yard.tel.v1.ends.g1', [[id, 1, 'succeeded', null, null, 5] satisfies EndNotice]);
    expect((await answer).json).toMatchObject({ id, state: 'succeeded', status: 'done', result: { sum: 3 } });
    expect(performance.now() - started).toBeLessThan(4_000);
    expect((await yard.call('GET', `/v1/tasks/${id}/result?wait=1s`, { key })).json).toMatchObject({
      state: 'succeeded',
      result: { sum: 3 },
    });
  });

  it('answers the present state when the time is over, and refuses a wait without a unit', async () => {
    const id = yard.id(0);
    tasks.set(id, view(id, 'ready'));
    expect((await yard.call('GET', `/v1/tasks/${id}?wait=50ms`, { key })).json).toMatchObject({
      state: 'ready',
      status: 'waiting',
    });
    expect((await yard.call('GET', `/v1/tasks/${id}?wait=5`, { key })).json).toMatchObject({
      code: 'invalid-request',
      errors: [{ path: 'wait' }],
    });
    expect((await yard.call('GET', `/v1/tasks/${id}?wiat=5s`, { key })).json).toMatchObject({
      code: 'invalid-request',
    });
  });

  it('hides another tenant and tells the first reason of several', async () => {
    const id = yard.id(0);
    tasks.set(id, view(id, 'queued', { waitReason: null }));
    yard.bus.answers.set('yard.cmd.v1.leases.main', () =>
      ok({ reason: 'insufficient-resources', detail: 'memory' }),
    );
    yard.bus.answers.set('yard.cmd.v1.queue.main', () =>
      ok({ reason: 'queue-paused', detail: 'default is paused' }),
    );
    yard.bus.answers.set('yard.cmd.v1.batcher.main', () => ok(null));
    expect((await yard.call('GET', `/v1/tasks/${id}/why`, { key })).json).toMatchObject({
      reason: 'queue-paused',
      parts: [{ from: 'queue-manager' }, { from: 'resource-manager' }],
    });
    expect((await yard.call('GET', `/v1/tasks/${id}`, { key: yard.key('submitter', 2) })).status).toBe(404);
    expect((await yard.call('POST', `/v1/tasks/${id}/cancel`, { key })).json).toMatchObject({
      code: 'already-ended',
      status: 409,
    });
  });
});

describe('streams', () => {
  it('tell events over HTTP as they are committed, and go on after Last-Event-ID', async () => {
    const stop = new AbortController();
    const headers = { authorization: `Bearer ${key}` };
    const response = await fetch(`${yard.url}/v1/events`, { headers, signal: stop.signal });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const id = yard.id(0);
    yard.log.commit('tasks-0', [
      {
        type: 'TaskSubmitted',
        id,
        tenant: 1,
        workflow: null,
        open: 0,
        dueAt: null,
        sealed: { name: 'x\n\ndata: forged', key: null },
      },
      { type: 'TaskSucceeded', id, tenant: 1, attempt: 1, released: [], sealed: null },
    ]);
    let text = '';
    for await (const chunk of Readable.fromWeb(response.body!)) {
      text += (chunk as Buffer).toString();
      if (text.includes('TaskSucceeded')) break;
    }
    stop.abort();
    expect(text).not.toMatch(/^data: forged/m);
    const first = /^id: (.+)\nevent: TaskSubmitted/m.exec(text)?.[1] ?? '';
    const again = new AbortController();
    const resumed = await fetch(`${yard.url}/v1/events`, {
      headers: { ...headers, 'last-event-id': first },
      signal: again.signal,
    });
    let more = '';
    for await (const chunk of Readable.fromWeb(resumed.body!)) {
      more += (chunk as Buffer).toString();
      if (more.includes('TaskSucceeded')) break;
    }
    again.abort();
    expect(more).not.toContain('TaskSubmitted');
    expect((await yard.call('GET', '/v1/events?from=junk', { key })).json).toMatchObject({
      code: 'invalid-request',
    });
  });

  it('give out the output of an attempt while it is written', async () => {
    const id = yard.id(0);
    const attempt = {
      attempt: 1,
      worker: 'w',
      fence: 1,
      startedAt: 1,
      endedAt: null,
      outcome: null,
      exitCode: null,
      progress: null,
      error: null,
    };
    tasks.set(id, view(id, 'running', { attempts: [attempt] }));
    const agent = yard.key('agent');
    const write = async (text: string, offset: number): Promise<unknown> =>
      (
        await yard.call('PUT', `/v1/worker/attempts/1/${id}/1/logs/stdout?offset=${String(offset)}`, {
          key: agent,
          body: text,
          type: 'application/octet-stream',
        })
      ).json;
    expect(await write('one\n', 0)).toEqual({ length: 4 });
    const following = yard.call('GET', `/v1/tasks/${id}/logs?follow=true`, { key });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await write('two\n', 4)).toEqual({ length: 8 });
    tasks.set(id, view(id, 'succeeded', { attempts: [{ ...attempt, endedAt: 9 }] }));
    expect((await following).text).toBe('one\ntwo\n');
    expect((await yard.call('GET', `/v1/tasks/${id}/logs?offset=4`, { key })).text).toBe('two\n');
    expect(
      (
        await yard.call('PUT', `/v1/worker/attempts/1/${id}/1/logs/stdout?offset=0`, {
          key: yard.key('submitter', 2),
          body: 'forged',
          type: 'text/plain',
        })
      ).status,
    ).toBe(404);
  });

  it('read the history of a task from the log', async () => {
    const at = Date.now();
    const id = String((BigInt(at - Date.UTC(2024, 0, 1)) << 22n) | 1n);
    tasks.set(id, view(id, 'succeeded', { endedAt: at + 10 }));
    for (let i = 0; i < 100; i++)
      yard.log.commit(
        'leases-main',
        [{ type: 'LeaseGranted', task: '1', tenant: 1, attempt: 1, fence: 1, worker: 'w' }],
        at - 1_000_000 + i,
      );
    yard.log.commit(
      'leases-main',
      [{ type: 'LeaseGranted', task: id, tenant: 1, attempt: 1, fence: 5, worker: 'w' }],
      at + 5,
    );
    yard.log.commit(
      'tasks-0',
      [{ type: 'TaskSucceeded', id, tenant: 1, attempt: 1, released: [], sealed: null }],
      at + 10,
    );
    const { json } = await yard.call('GET', `/v1/tasks/${id}/events`, { key });
    expect((json['items'] as { type: string }[]).map(({ type }) => type)).toEqual([
      'LeaseGranted',
      'TaskSucceeded',
    ]);
  });
});

describe('pages', () => {
  it('need no key, load nothing from elsewhere and say so by policy', async () => {
    for (const address of ['/', '/docs', '/assets/status.js', '/assets/docs.js', '/assets/page.css']) {
      const page = await yard.call('GET', address, { key: null });
      expect(page.status, address).toBe(200);
      expect(page.text).not.toMatch(/https?:\/\//);
      expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    }
    expect((await yard.call('GET', '/assets/..%2fpackage.json', { key: null })).status).toBe(404);
    expect((await yard.call('GET', '/openapi.json', { key: null })).json).toMatchObject({ openapi: '3.1.0' });
    expect((await yard.call('GET', '/metrics', { key })).text).toContain('yard_http_requests_total');
  });
});
