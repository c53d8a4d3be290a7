import type { TaskRequest } from '@yardmaster/contracts';
import { expect, it } from 'vitest';
import { until } from '../../support/processes.js';
import { goOn, http, type Traveller } from './traveller.js';

const WAIT = { timeout: '60s' };

/** Lone tasks of every kind, and what can be asked and done of them. */
export function taskJourney(me: () => Traveller): void {
  const run = async (task: TaskRequest): Promise<unknown> =>
    await (await me().yard.tasks.submit(task)).result(WAIT);

  it('gives the result of a handler', async () => {
    expect(await run({ run: { handler: 'double', input: { n: 21 } } })).toEqual({ n: 42 });
  });

  it('tries again when the handler asks, shows progress and hands on what an attempt kept', async () => {
    const { yard } = me();
    const task = await yard.tasks.submit({ run: { handler: 'steps' }, totalAttempts: 2 });
    await until(
      'the progress of the third attempt',
      async () => (await yard.tasks.get(task.id)).attempts[2]?.progress === 0.75,
      { everyMs: 100 },
    );
    goOn.emit('go');
    expect(await task.result(WAIT)).toEqual({ done: 2 });
    const { attempts, attemptsMade } = await yard.tasks.get(task.id);
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['app', 'snoozed', 'ok']);
    expect(attemptsMade).toBe(3);
    const gap = (n: number): number =>
      Date.parse(attempts[n]?.startedAt ?? '') - Date.parse(attempts[n - 1]?.endedAt ?? '');
    expect([gap(1) >= 1_000, gap(2) >= 500]).toEqual([true, true]);
  });

  it('runs a command and keeps its output', async () => {
    const { yard } = me();
    const task = await yard.tasks.submit({
      name: 'say',
      run: { command: ['sh', '-c', 'echo out; echo err >&2'] },
    });
    expect(await task.wait(WAIT)).toMatchObject({
      state: 'succeeded',
      status: 'done',
      attempts: [{ attempt: 1, exitCode: 0 }],
    });
    const read = async (stream: 'stdout' | 'stderr'): Promise<string> =>
      (await Array.fromAsync(yard.tasks.logs(task.id, { stream }))).join('');
    expect(await read('stdout')).toBe('out\n');
    expect(await read('stderr')).toBe('err\n');
  });

  it('runs an uploaded script with arguments, environment, input and output', async () => {
    const { yard } = me();
    const text =
      '#!/bin/sh\nprintf \'{"args":"%s %s","mode":"%s","input":%s,"id":"%s"}\' "$1" "$2" "$MODE" "$(cat "$YARD_INPUT")" "$YARD_TASK_ID" > "$YARD_OUTPUT"\n';
    expect(await yard.scripts.put('journey/tell.sh', text)).toMatchObject({
      path: 'journey/tell.sh',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    const task = await yard.tasks.submit({
      run: { script: 'journey/tell.sh', args: ['a', 'b'], env: { MODE: 'fast' }, input: { deep: [1] } },
    });
    expect(await task.result(WAIT)).toEqual({ args: 'a b', mode: 'fast', input: { deep: [1] }, id: task.id });
  });

  it('runs the version of a script that was there at the submission', async () => {
    const { yard } = me();
    const at = new Date(Date.now() + 1_500).toISOString();
    const { sha256 } = await yard.scripts.put('journey/version.sh', '#!/bin/sh\necho 1 > "$YARD_OUTPUT"\n');
    const task = await yard.tasks.submit({ run: { script: 'journey/version.sh' }, scheduling: { at } });
    await yard.scripts.put('journey/version.sh', '#!/bin/sh\necho 2 > "$YARD_OUTPUT"\n');
    expect(await task.result(WAIT)).toBe(1);
    expect(await run({ run: { script: 'journey/version.sh' } })).toBe(2);
    expect(await run({ run: { script: `sha256:${sha256}` } })).toBe(1);
  });

  it('accepts the job as the contract writes it and shows everything about it', async () => {
    const { yard } = me();
    const task = await yard.tasks.submit({
      type: 'job',
      name: 'stream-processing-task',
      run: { command: ['true'] },
      scheduling: { strategy: 'round-robin', priority: 'high', delayTolerance: '5m' },
      resources: { cpu: '2', memory: '4G' },
      executionCap: '10m',
      totalAttempts: 3,
      labels: { team: 'data' },
    });
    expect(task.id).toMatch(/^[1-9]\d{15,18}$/);
    expect(await task.wait(WAIT)).toMatchObject({
      name: 'stream-processing-task',
      tenant: 'default',
      userId: expect.any(Number) as number,
      state: 'succeeded',
      labels: { team: 'data' },
      spec: {
        queue: 'default',
        strategy: 'round-robin',
        executionCap: '10m',
        totalAttempts: 3,
        delayTolerance: '5m',
        schedulingType: 'once',
      },
      admittedBy: { node: expect.stringMatching(/./) as string, epoch: expect.any(Number) as number },
    });
  });

  it('kills what runs over its cap and says so', async () => {
    const task = await me().yard.tasks.submit({
      run: { command: ['sleep', '60'] },
      executionCap: '1s',
      totalAttempts: 1,
    });
    await expect(task.result(WAIT)).rejects.toMatchObject({
      name: 'TaskFailedError',
      state: 'failed',
      category: 'over-cap',
    });
  });

  it('tells the error of what failed', async () => {
    const task = await me().yard.tasks.submit({ run: { handler: 'refuse' }, totalAttempts: 1 });
    await expect(task.result(WAIT)).rejects.toMatchObject({
      name: 'TaskFailedError',
      state: 'failed',
      category: 'app',
      message: expect.stringContaining('not today') as string,
    });
  });

  it('starts a task that is due later when it is due, and says so before', async () => {
    const { yard } = me();
    const at = Date.now() + 2_000;
    const task = await yard.tasks.submit({
      run: { handler: 'noop' },
      scheduling: { at: new Date(at).toISOString() },
    });
    expect(await task.status()).toMatchObject({ state: 'scheduled', status: 'waiting' });
    expect(await task.why()).toMatchObject({ reason: 'not-due' });
    const { startedAt } = await task.wait(WAIT);
    expect(Date.parse(startedAt ?? '')).toBeGreaterThanOrEqual(at);
  });

  it('cancels what waits and what runs', async () => {
    const { yard } = me();
    const waiting = await yard.tasks.submit({ run: { handler: 'nobody-has-this' } });
    await until(
      'the reason of its waiting',
      async () => (await waiting.why()).reason === 'no-worker-matches',
    );
    await waiting.cancel();
    expect(await waiting.wait(WAIT)).toMatchObject({ state: 'cancelled', status: 'failed', attempts: [] });

    for (const spec of [{ command: ['sleep', '60'] }, { handler: 'endless' }]) {
      const running = await yard.tasks.submit({ run: spec });
      await until('its start', async () => (await running.status()).state === 'running');
      expect(await running.status()).toMatchObject({ status: 'in_progress' });
      await running.cancel();
      expect(await running.wait(WAIT)).toMatchObject({ state: 'cancelled', status: 'failed' });
      await expect(running.cancel()).rejects.toMatchObject({ code: 'already-ended' });
    }
  });

  it('lets a lone task wait for parents and take their results', async () => {
    const { yard } = me();
    const parent = await yard.tasks.submit({
      name: 'parent',
      run: { command: ['sh', '-c', 'sleep 0.5; echo 7 > "$YARD_OUTPUT"'] },
    });
    const child = await yard.tasks.submit({
      run: { command: ['sh', '-c', 'cat "$YARD_PARENTS" > "$YARD_OUTPUT"'] },
      dependsOn: [parent.id],
    });
    expect(await child.status()).toMatchObject({ state: 'blocked', dependsOn: [parent.id] });
    expect(Object.values((await child.result(WAIT)) as object)).toEqual([7]);
    const late = await yard.tasks.submit({ run: { handler: 'noop' }, dependsOn: [parent.id] });
    expect(await late.result(WAIT)).toBeNull();
  });

  it('takes the same submission once', async () => {
    const { started } = me();
    const key = { 'idempotency-key': `journey-${String(Date.now())}` };
    const first = await http(started, 'POST', '/v1/tasks', { run: { handler: 'noop' } }, key);
    expect(first).toMatchObject({ status: 202 });
    expect(first.headers.get('location')).toBe(`/v1/tasks/${String(first.body.id)}`);
    const again = await http(started, 'POST', '/v1/tasks', { run: { handler: 'noop' } }, key);
    expect(again).toMatchObject({ status: 202, body: { id: first.body.id as string } });
    expect(await http(started, 'POST', '/v1/tasks', { run: { handler: 'double' } }, key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency-mismatch' },
    });
  });

  it('holds a long poll until the end', async () => {
    const { started } = me();
    const { body } = await http(started, 'POST', '/v1/tasks', { run: { command: ['sleep', '0.7'] } });
    expect(await http(started, 'GET', `/v1/tasks/${String(body.id)}?wait=100ms`)).toMatchObject({
      body: { status: expect.not.stringMatching('done') as string },
    });
    expect(await http(started, 'GET', `/v1/tasks/${String(body.id)}?wait=30s`)).toMatchObject({
      status: 200,
      body: { state: 'succeeded', status: 'done' },
    });
  });

  it('carries results that are too large for the log', async () => {
    const big = { text: 'x'.repeat(50_000) };
    const text = '#!/bin/sh\ncat "$YARD_INPUT" > "$YARD_OUTPUT"\n';
    await me().yard.scripts.put('journey/cat.sh', text);
    expect(await run({ run: { script: 'journey/cat.sh', input: big } })).toEqual(big);
  });

  it('does 5,000 tasks of a bulk', async () => {
    const { yard } = me();
    const ended = new Set<string>();
    const stop = new AbortController();
    const listens = Promise.withResolvers<undefined>();
    const follows = yard.onEvents({
      types: ['TaskSucceeded'],
      signal: stop.signal,
      onOpen: () => {
        listens.resolve(undefined);
      },
      onBatch: ({ events }) => {
        for (const { task } of events) if (task !== undefined) ended.add(task);
      },
    });
    await listens.promise;
    const items = await yard.tasks.submitMany(
      Array.from({ length: 5_000 }, () => ({ run: { handler: 'noop' } })),
    );
    const ids = items.flatMap((item) => (item.ok ? [item.task.id] : []));
    expect(new Set(ids).size).toBe(5_000);
    await until('all ends', () => ids.every((id) => ended.has(id)));
    stop.abort();
    await follows;
    expect(await yard.tasks.get(ids[4_999] ?? '')).toMatchObject({ state: 'succeeded', status: 'done' });
  });
}
