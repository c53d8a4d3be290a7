import { assignment, WorkerYard } from '@yardmaster/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { RetryableError, Snooze, TerminalError, Worker, type Handler, type WorkerOptions } from './index.js';

let yard: WorkerYard | undefined;
let worker: Worker | undefined;
let ran: Promise<void> | undefined;

async function start(
  handlers: Record<string, Handler>,
  options: Partial<WorkerOptions> = {},
): Promise<WorkerYard> {
  yard = await WorkerYard.open({ heartbeatMs: 100 });
  worker = new Worker({ url: yard.url, token: 'yk_test', handlers, ...options });
  ran = worker.run();
  await yard.until(() => yard!.joins.length > 0, 'the join');
  return yard;
}

const handle = (task: string, handler: string, work: Parameters<typeof assignment>[1] = {}) =>
  assignment(task, { kind: 'handler', handler, ...work });

afterEach(async () => {
  await worker?.stop({ withinMs: 0 });
  await ran?.catch(() => undefined);
  await yard?.close();
  yard = worker = ran = undefined;
});

describe('the SDK worker', () => {
  it('tells its handlers, labels and places when it joins', async () => {
    const here = await start(
      { a: () => 1, b: () => 2 },
      { concurrency: 7, labels: { zone: 'x' }, name: 'w' },
    );
    expect(here.joins[0]).toMatchObject({
      kind: 'sdk',
      name: 'w',
      handlers: ['a', 'b'],
      capacity: { slots: 7 },
      labels: { zone: 'x' },
      held: [],
    });
  });

  it('reports what plain and asynchronous handlers return', async () => {
    const here = await start({
      plain: (input: number) => input + 1,
      later: async (input: number) => {
        await Promise.resolve();
        return { doubled: input * 2 };
      },
      nothing: () => undefined,
    });
    here.run([
      handle('1', 'plain', { run: { input: 1 } }),
      handle('2', 'later', { run: { input: 4 } }),
      handle('3', 'nothing'),
    ]);
    expect((await here.report('1')).slice(3)).toEqual(['ok', null, null, 2, null]);
    expect((await here.report('2'))[6]).toEqual({ doubled: 8 });
    expect((await here.report('3'))[6]).toBeNull();
  });

  it('runs nothing that was handed to the process before it', async () => {
    const ran: number[] = [];
    const here = await start({ note: (input: number) => ran.push(input) });
    here.run([handle('1', 'note', { run: { input: 1 } })], 'the process before');
    here.run([handle('2', 'note', { run: { input: 2 } })], here.joins[0]?.incarnation);
    await here.report('2');
    expect(ran).toEqual([2]);
  });

  it('runs nothing that was given up as lost before it came, but the next attempt of it', async () => {
    const ran: number[] = [];
    const here = await start({ note: (input: number) => ran.push(input) });
    here.kill([['1', 1, 1, 'lost']]);
    here.run([handle('1', 'note', { run: { input: 1 } })]);
    const { 3: work } = handle('1', 'note', { run: { input: 2 } });
    here.run([['1', 2, 2, work]]);
    await here.until(() => ran.length > 0, 'the next attempt');
    expect(ran).toEqual([2]);
  });

  it('runs nothing that comes once more after its end was answered, but the next attempt of it', async () => {
    const ran: number[] = [];
    const here = await start({ note: (input: number) => ran.push(input) });
    here.run([handle('1', 'note', { run: { input: 1 } })]);
    await here.report('1');
    here.run([handle('1', 'note', { run: { input: 1 } }), handle('2', 'note', { run: { input: 2 } })]);
    await here.report('2');
    const { 3: work } = handle('1', 'note', { run: { input: 3 } });
    here.run([['1', 2, 2, work]]);
    await here.until(() => ran.length > 2, 'the next attempt');
    expect(ran).toEqual([1, 2, 3]);
  });

  it('joins again when only the process before it is known', async () => {
    const here = await start({ a: () => 1 });
    const welcome = { epoch: 1, heartbeatMs: 100, ttlMs: 30_000 };
    here.send(['welcome', { ...welcome, incarnation: here.joins[0]?.incarnation ?? '' }]);
    here.send(['welcome', { ...welcome, incarnation: 'the process before' }]);
    await here.until(() => here.joins.length > 1, 'another join');
    expect(here.joins[1]).toEqual(here.joins[0]);
  });

  it('tells a permanent failure from one worth another try', async () => {
    const here = await start({
      terminal: () => {
        throw new TerminalError('never');
      },
      again: async () => {
        await Promise.resolve();
        throw new RetryableError('later');
      },
      other: () => {
        throw new Error('oops');
      },
    });
    here.run([handle('1', 'terminal'), handle('2', 'again'), handle('3', 'other'), handle('4', 'unknown')]);
    expect((await here.report('1'))[3]).toBe('permanent');
    expect((await here.report('2'))[3]).toBe('app');
    expect((await here.report('3'))[7]).toContain('oops');
    expect((await here.report('4'))[3]).toBe('infra');
  });

  it('tells when a failed or snoozed attempt wants to be tried again', async () => {
    const here = await start({
      again: () => {
        throw new RetryableError({ retryAfter: '2s' });
      },
      snooze: async () => {
        await Promise.resolve();
        throw new Snooze('10m', 'not yet');
      },
    });
    here.run([handle('1', 'again'), handle('2', 'snooze')]);
    const again = await here.report('1');
    expect([again[3], again[8]]).toEqual(['app', { retryAfterMs: 2_000 }]);
    expect(again[7]).toContain('RetryableError');
    expect((await here.report('2'))[3]).toBe('snoozed');
    expect((await here.report('2')).slice(7)).toEqual(['not yet', { retryAfterMs: 600_000 }]);
  });

  it('tells progress and checkpoints while it runs, and again over a new connection', async () => {
    let release = (): void => undefined;
    const here = await start({
      steps: (_input, ctx) => {
        expect(ctx.lastCheckpoint).toEqual({ page: 3 });
        ctx.heartbeat({ progress: 0.25 });
        ctx.heartbeat({ progress: 0.5 });
        ctx.checkpoint({ page: 4 });
        return new Promise<void>((_, reject) => {
          release = () => {
            reject(new Error('broke'));
          };
        });
      },
    });
    here.run([handle('1', 'steps', { checkpoint: { page: 3 } })]);
    await here.until(() => here.notes.length > 0, 'the note');
    expect(here.notes).toEqual([['1', 1, 1, 0.5, { page: 4 }]]);
    here.cut();
    await here.until(() => here.notes.length > 1, 'the note again');
    expect(here.notes[1]).toEqual(here.notes[0]);
    release();
    expect((await here.report('1'))[8]).toEqual({ checkpoint: { page: 4 } });
  });

  it('refuses a checkpoint that is too large or no JSON, and forgets it when the attempt succeeds', async () => {
    const here = await start({
      large: (_input, ctx) => {
        ctx.checkpoint(Array.from({ length: 1_500 }, () => 0.5));
      },
      odd: (_input, ctx) => {
        ctx.checkpoint(10n);
      },
      fine: (_input, ctx) => {
        ctx.checkpoint({ at: 1 });
      },
    });
    here.run([handle('1', 'large'), handle('2', 'odd'), handle('3', 'fine')]);
    expect((await here.report('1'))[7]).toContain('at most 8192 bytes');
    expect((await here.report('2'))[7]).toContain('not JSON');
    const fine = await here.report('3');
    expect([fine[3], fine.length]).toEqual(['ok', 8]);
  });

  it('sends large results and fetches large inputs as blobs', async () => {
    const here = await start({ echo: (input: unknown) => input });
    const big = { text: 'ü'.repeat(9_000) };
    const hash = here.addBlob(JSON.stringify(big));
    here.run([handle('1', 'echo', { run: { input: { $blob: hash } } })]);
    expect((await here.report('1'))[6]).toEqual({ $blob: hash });
    expect(here.calls).toContain('PUT /v1/worker/blobs/1');
  });

  it('refuses a result that is not JSON', async () => {
    const here = await start({ bigint: () => 10n, dated: () => ({ at: new Date(0), gone: undefined }) });
    here.run([handle('1', 'bigint'), handle('2', 'dated')]);
    expect((await here.report('1'))[3]).toBe('permanent');
    expect((await here.report('2'))[6]).toEqual({ at: '1970-01-01T00:00:00.000Z' });
  });

  it('gives the handler its attempt, parents and fence', async () => {
    const here = await start({
      show: (_input, ctx) => ({
        id: ctx.taskId,
        attempt: ctx.attempt,
        fence: ctx.fence,
        parents: ctx.parents,
        name: ctx.name,
      }),
    });
    here.run([assignment('9', { kind: 'handler', handler: 'show', name: 'n', parents: { up: 3 } }, 2, 44)]);
    expect((await here.report('9'))[6]).toEqual({
      id: '9',
      attempt: 2,
      fence: 44,
      parents: { up: 3 },
      name: 'n',
    });
  });

  it('aborts over the cap and reports over-cap even when the handler then returns', async () => {
    const here = await start({
      slow: (_input, ctx) =>
        new Promise((resolve) => {
          ctx.signal.addEventListener('abort', () => {
            resolve('late');
          });
        }),
    });
    here.run([handle('1', 'slow', { capMs: 150 })]);
    const report = await here.report('1');
    expect(report[3]).toBe('over-cap');
    expect(report[6]).toBeNull();
  });

  it('gives up a handler that ignores the abort after the grace', async () => {
    const here = await start({ deaf: () => new Promise(() => undefined) });
    here.run([handle('1', 'deaf', { capMs: 50 })]);
    expect((await here.report('1'))[3]).toBe('over-cap');
  });

  it('ends on a kill order and answers one for an attempt it never saw', async () => {
    const here = await start({
      wait: (_input, ctx) =>
        new Promise((_, reject) => {
          ctx.signal.addEventListener('abort', () => {
            reject(ctx.signal.reason as Error);
          });
        }),
    });
    here.run([handle('1', 'wait')]);
    here.kill([
      ['1', 1, 1, 'cancelled'],
      ['2', 1, 1, 'cancelled'],
    ]);
    expect((await here.report('1'))[3]).toBe('cancelled');
    expect((await here.report('2'))[3]).toBe('cancelled');
  });

  it('never runs more than its concurrency at once', async () => {
    let now = 0;
    let most = 0;
    const here = await start(
      {
        count: async () => {
          most = Math.max(most, ++now);
          await new Promise((resolve) => setTimeout(resolve, 5));
          now--;
        },
      },
      { concurrency: 3 },
    );
    here.run(Array.from({ length: 20 }, (_, k) => handle(String(k + 1), 'count')));
    await here.until(() => here.reports.length === 20, '20 reports');
    expect(most).toBe(3);
  });

  it('repeats unanswered reports after a reconnect, and holds them in its join', async () => {
    const here = await start({ noop: () => undefined });
    here.answersReports = false;
    here.run([handle('1', 'noop')]);
    await here.report('1');
    here.answersReports = true;
    here.cut();
    await here.until(() => here.reports.length >= 2, 'the repeat');
    expect(here.joins[1]?.held).toEqual([['1', 1, 1]]);
    expect(here.joins[1]?.incarnation).toBe(here.joins[0]?.incarnation);
  });

  it('drops a frame that is none and joins again', async () => {
    const here = await start({ noop: () => undefined });
    here.sendBytes(new Uint8Array([0xc1, 1, 2]));
    await here.until(() => here.joins.length === 2, 'another join');
  });

  it('finishes what runs, gives back what waits and says bye when it stops', async () => {
    let release = (): void => undefined;
    const here = await start(
      {
        hold: () =>
          new Promise<void>((resolve) => {
            release = resolve;
          }),
      },
      { concurrency: 1 },
    );
    here.run([handle('1', 'hold'), handle('2', 'hold')]);
    await here.until(() => here.heartbeats.some((beat) => beat.held.length === 2), 'both held');
    const stopped = worker!.stop();
    release();
    await stopped;
    await ran;
    expect((await here.report('1'))[3]).toBe('ok');
    expect((await here.report('2'))[3]).toBe('drained');
    await here.until(() => here.byes.length === 1, 'bye');
  });

  it('rejects when the key is refused', async () => {
    yard = await WorkerYard.open({ token: 'right' });
    worker = new Worker({ url: yard.url, token: 'wrong', handlers: { a: () => 1 } });
    await expect(worker.run()).rejects.toThrow('unauthenticated');
  });
});
