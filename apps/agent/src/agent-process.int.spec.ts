import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AGENT_STOP_MS, LEASE_TTL_MS } from '@yardmaster/contracts';
import { assignment, WorkerYard } from '@yardmaster/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
let dir: string;
let yard: WorkerYard;
let children: ChildProcess[];

function startAgent(...args: string[]): ChildProcess {
  const child = spawn(
    process.execPath,
    [main, '--home', dir, '--dir', join(dir, 'agent'), '--cpu', '4', ...args],
    { env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  children.push(child);
  child.stderr.resume();
  return child;
}

async function ended(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode;
  return await new Promise((resolve) =>
    child.once('exit', (code, signal) => {
      resolve(code ?? signal);
    }),
  );
}

function processesWith(text: string): string[] {
  return execFileSync('ps', ['-eo', 'pid,args'])
    .toString()
    .split('\n')
    .filter((line) => line.includes(text) && !line.includes('ps -eo'));
}

async function goneWithin(text: string, ms: number): Promise<boolean> {
  for (const until = Date.now() + ms; Date.now() < until;) {
    if (processesWith(text).length === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

const mark = (): string => `6${process.pid}${Math.floor(Math.random() * 1e6)}`;
const command = (task: string, script: string, work: Parameters<typeof assignment>[1] = {}) =>
  assignment(task, { ...work, run: { ...work.run, command: ['sh', '-c', script] } });
const wardens = (part = ''): number[] =>
  processesWith('yard-warden')
    .filter((line) => line.includes(dir) && line.includes(part))
    .map((line) => Number(line.trim().split(' ')[0]));

beforeEach(async () => {
  if (!existsSync(main)) throw new Error('the agent is not built: npx tsc -b apps/agent');
  children = [];
  dir = mkdtempSync(join(tmpdir(), 'yard-agentp-'));
  yard = await WorkerYard.open({ heartbeatMs: 200 });
  writeFileSync(join(dir, 'context.json'), JSON.stringify({ url: yard.url }));
  writeFileSync(join(dir, 'agent.token'), 'yk_test\n');
});

afterEach(async () => {
  for (const child of children) {
    child.kill('SIGTERM');
    await ended(child);
  }
  await yard.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

// A machine that stands still for 22 s makes an agent end its attempts, as it should: then once more.
describe('the agent as a process', { retry: 2 }, () => {
  it('is killed and none comes after it: its warden leaves attempts alone until their leases end, and no longer', async () => {
    const sleeper = mark();
    const first = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    yard.run([
      command('1', `trap '' TERM; (setsid sleep ${sleeper} &); sleep ${sleeper}; sleep ${sleeper}`),
      command('2', 'true'),
    ]);
    await yard.report('2');
    await yard.until(() => yard.heartbeats.some((beat) => beat.held.length === 1), 'the attempt held');
    first.kill('SIGKILL');
    await ended(first);
    const began = Date.now();
    expect(await goneWithin(sleeper, LEASE_TTL_MS)).toBe(true);
    expect(Date.now() - began).toBeGreaterThan(AGENT_STOP_MS - 2_000);
    startAgent();
    await yard.until(() => yard.joins.length === 2, 'the join of the next');
    expect(yard.joins[1]!.incarnation).not.toBe(yard.joins[0]!.incarnation);
    const report = await yard.report('1');
    expect(report[3]).toBe('lost');
    expect(readdirSync(join(dir, 'agent', 'runs'))).toHaveLength(1);
  }, 120_000);

  it('goes on with the attempts of one that was killed: all of their output, their results and their caps', async () => {
    const [go, end, runs] = [join(dir, 'go'), join(dir, 'end'), join(dir, 'runs')];
    const waitFor = (file: string): string => `while [ ! -e ${file} ]; do sleep 0.05; done`;
    const first = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    const work = [
      command(
        '1',
        `echo ran >> ${runs}; echo one; ${waitFor(go)}; head -c 200000 /dev/zero | tr '\\0' x; ${waitFor(end)}; echo two; echo three >&2; cat "$YARD_INPUT" > "$YARD_OUTPUT"`,
        { run: { input: { n: 7 } } },
      ),
      command('2', `echo up; ${waitFor(end)}; echo through`, { leaseTtlMs: 120_000 }),
      command('3', `echo up; ${waitFor(join(dir, 'never'))}`, { capMs: 8_000 }),
      command('4', `echo up; ${waitFor(join(dir, 'never'))}`),
    ];
    yard.run(work);
    await yard.until(
      () => ['2', '3', '4'].every((task) => yard.log(task, 1, 'stdout') === 'up\n'),
      'all to be up',
    );
    await yard.until(() => yard.log('1', 1, 'stdout') === 'one\n', 'its output');
    const [run] = readdirSync(join(dir, 'agent', 'runs')).filter((name) => !name.includes('.'));
    first.kill('SIGKILL');
    await ended(first);
    writeFileSync(go, '');
    const second = startAgent();
    await yard.until(() => yard.joins.length === 2, 'the join of the next');
    expect(yard.joins[1]!.held.map(([task]) => task).sort()).toEqual(['1', '2', '3', '4']);
    // Handed out once more, as by an owner that does not know.
    yard.run(work);
    yard.kill([['4', 1, 1, 'cancelled']]);
    await yard.until(() => yard.log('1', 1, 'stdout').length === 200_004, 'what it wrote meanwhile');
    writeFileSync(end, '');
    expect((await yard.report('1')).slice(3)).toEqual([
      'ok',
      0,
      { wallMs: expect.any(Number), cpuMs: expect.any(Number), maxRssBytes: null },
      { n: 7 },
      null,
    ]);
    expect(yard.log('1', 1, 'stdout')).toBe(`one\n${'x'.repeat(200_000)}two\n`);
    expect(yard.log('1', 1, 'stderr')).toBe('three\n');
    expect(readFileSync(runs, 'utf8')).toBe('ran\n');
    expect((await yard.report('2'))[3]).toBe('ok');
    expect(yard.log('2', 1, 'stdout')).toBe('up\nthrough\n');
    expect((await yard.report('3'))[3]).toBe('over-cap');
    expect((await yard.report('4'))[3]).toBe('cancelled');
    await expect
      .poll(() => readdirSync(join(dir, 'agent', 'runs')).filter((name) => name.startsWith(run!)), {
        timeout: 20_000,
      })
      .toEqual([]);
    await expect.poll(() => processesWith(run!), { timeout: 20_000 }).toEqual([]);
    second.kill('SIGTERM');
    expect(await ended(second)).toBe(0);
    expect(yard.reports.map(([task]) => task).sort()).toEqual(['1', '2', '3', '4']);
  }, 120_000);

  it('tells how attempts ended while no agent was there', async () => {
    const go = join(dir, 'go');
    const first = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    const when = (script: string): string => `echo up; while [ ! -e ${go} ]; do sleep 0.05; done; ${script}`;
    yard.run([
      command('1', when('echo out; echo bad >&2; exit 3')),
      command('2', when('echo \'"done"\' > "$YARD_OUTPUT"')),
      command('3', when('kill -TERM $$')),
      command('4', when('pid=$$; (sleep 0.5; kill -CONT $pid) & kill -STOP $$; exit 9')),
    ]);
    await yard.until(
      () => ['1', '2', '3', '4'].every((task) => yard.log(task, 1, 'stdout') === 'up\n'),
      'all to be up',
    );
    first.kill('SIGKILL');
    await ended(first);
    writeFileSync(go, '');
    const killedAt = Date.now();
    expect(await goneWithin(go, 10_000)).toBe(true);
    const took = Date.now() - killedAt;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    startAgent();
    expect((await yard.report('1')).slice(3, 5)).toEqual(['app', 3]);
    expect((await yard.report('1'))[7]).toBe('exit code 3: bad');
    expect((await yard.report('2')).slice(3, 7)).toEqual(['ok', 0, expect.anything(), 'done']);
    expect((await yard.report('3')).slice(3, 5)).toEqual(['app', 143]);
    expect((await yard.report('4')).slice(3, 5)).toEqual(['app', 9]);
    await yard.until(() => yard.log('1', 1, 'stdout') === 'up\nout\n', 'its output');
    // The time without an agent is not the attempt's.
    const wall = yard.reports.find(([task]) => task === '2')![5]!.wallMs;
    expect(wall).toBeLessThan(Date.now() - killedAt - 1_000 + took);
  }, 120_000);

  it('goes on after a second kill, and when none comes any more the warden of the last one ends it in time', async () => {
    const [go, sleeper] = [join(dir, 'go'), mark()];
    const agent = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    yard.run([
      command('1', `echo one; while [ ! -e ${go} ]; do sleep 0.05; done; echo three`),
      command('2', `echo up; sleep ${sleeper}`),
    ]);
    await yard.until(() => yard.log('1', 1, 'stdout') === 'one\n', 'its output');
    await yard.until(() => yard.log('2', 1, 'stdout') === 'up\n', 'its output');
    agent.kill('SIGKILL');
    await ended(agent);
    const second = startAgent();
    await yard.until(() => yard.joins.length === 2, 'the join of the second');
    yard.heartbeats.length = 0;
    await yard.until(() => yard.heartbeats.at(-1)?.held.length === 2, 'both held');
    second.kill('SIGKILL');
    await ended(second);
    const third = startAgent();
    await yard.until(() => yard.joins.length === 3, 'the join of the third');
    writeFileSync(go, '');
    expect((await yard.report('1'))[3]).toBe('ok');
    expect(yard.log('1', 1, 'stdout')).toBe('one\nthree\n');
    // Beyond what the wardens of the first and the second were told.
    await new Promise((resolve) => setTimeout(resolve, AGENT_STOP_MS + 4_000));
    expect(processesWith(sleeper)).not.toEqual([]);
    expect(yard.reports.map(([task]) => task)).not.toContain('2');
    third.kill('SIGKILL');
    await ended(third);
    expect(await goneWithin(sleeper, LEASE_TTL_MS)).toBe(true);
    startAgent();
    expect((await yard.report('2'))[3]).toBe('lost');
  }, 180_000);

  it('does not let attempts of one that was killed run on while the yard does not hear it', async () => {
    const [go, sleeper] = [join(dir, 'go'), mark()];
    const first = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    yard.run([
      command('1', `echo up; sleep ${sleeper}`),
      command('2', `echo up; while [ ! -e ${go} ]; do sleep 0.05; done; echo through`),
    ]);
    await yard.until(() => yard.log('1', 1, 'stdout') === 'up\n', 'its output');
    await yard.until(() => yard.log('2', 1, 'stdout') === 'up\n', 'its output');
    await yard.close();
    first.kill('SIGKILL');
    await ended(first);
    startAgent();
    writeFileSync(go, '');
    expect(await goneWithin(sleeper, LEASE_TTL_MS)).toBe(true);
    yard = await WorkerYard.open({ heartbeatMs: 200 });
    writeFileSync(join(dir, 'context.json'), JSON.stringify({ url: yard.url }));
    expect((await yard.report('1'))[3]).toBe('lost');
    expect((await yard.report('2'))[3]).toBe('ok');
    await yard.until(() => yard.log('2', 1, 'stdout') === 'up\nthrough\n', 'all of its output');
  }, 120_000);

  it('ends at once what a killed agent left without a warden, and what it was ending', async () => {
    const [sleeper, deaf] = [mark(), mark()];
    const first = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    const stubborn = (name: string): string =>
      `trap '' TERM; echo up; (setsid sleep ${name} &); while :; do sleep 0.1; done`;
    yard.run([command('1', stubborn(deaf)), command('2', stubborn(sleeper), { leaseTtlMs: 60_000 })]);
    await yard.until(() => yard.log('1', 1, 'stdout') === 'up\n', 'its output');
    await yard.until(() => yard.log('2', 1, 'stdout') === 'up\n', 'its output');
    yard.kill([['1', 1, 1, 'cancelled']]);
    await expect
      .poll(() => execFileSync('find', [join(dir, 'agent', 'runs'), '-name', 'condemned']).toString())
      .not.toBe('');
    first.kill('SIGKILL');
    await ended(first);
    for (const pid of wardens('.60000 ')) process.kill(pid, 'SIGKILL');
    startAgent();
    await yard.until(() => yard.joins.length === 2, 'the join of the next');
    expect(processesWith(sleeper)).toEqual([]);
    expect(processesWith(deaf)).toEqual([]);
    expect((await yard.report('1'))[3]).toBe('lost');
    expect((await yard.report('2'))[3]).toBe('lost');
    yard.run([command('3', 'sleep 4; echo survived')]);
    expect((await yard.report('3'))[3]).toBe('ok');
  }, 120_000);

  it('is stopped in the middle of an attempt: its warden ends all of it in time, save what has a longer lease, and it says lost when it goes on', async () => {
    const [sleeper, deaf] = [mark(), mark()];
    const ready = join(dir, 'ready');
    const agent = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    yard.run([
      command('1', `(setsid sleep ${sleeper} &); sleep ${sleeper}; exit 0`),
      command('2', `trap 'exit 0' TERM; while :; do sleep 0.2; done # ${deaf}`),
      assignment('4', {
        leaseTtlMs: 120_000,
        run: { command: ['sh', '-c', `while [ ! -e ${ready} ]; do sleep 0.1; done; echo through`] },
      }),
    ]);
    await yard.until(() => yard.heartbeats.some((beat) => beat.held.length === 3), 'all attempts held');
    const began = Date.now();
    agent.kill('SIGSTOP');
    expect(await goneWithin(sleeper, LEASE_TTL_MS)).toBe(true);
    expect(await goneWithin(deaf, LEASE_TTL_MS + began - Date.now())).toBe(true);
    // Not before: until then the yard, which heard it last just now, would have waited for it.
    expect(Date.now() - began).toBeGreaterThan(AGENT_STOP_MS - 2_000);
    agent.kill('SIGCONT');
    expect((await yard.report('1'))[3]).toBe('lost');
    expect((await yard.report('2'))[3]).toBe('lost');
    writeFileSync(ready, '');
    expect((await yard.report('4'))[3]).toBe('ok');
    yard.run([command('3', 'echo on')]);
    expect((await yard.report('3'))[3]).toBe('ok');
  }, 120_000);

  it('is stopped while an attempt ends by itself: it tells that end when it goes on, however late', async () => {
    const agent = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    const ready = join(dir, 'ready');
    yard.run([
      command('1', `while [ ! -e ${ready} ]; do sleep 0.1; done; echo 7 > "$YARD_OUTPUT"`),
      command('2', `while [ ! -e ${ready} ]; do sleep 0.1; done; exit 3`),
    ]);
    await yard.until(() => yard.heartbeats.some((beat) => beat.held.length === 2), 'both attempts held');
    agent.kill('SIGSTOP');
    writeFileSync(ready, '');
    expect(await goneWithin(ready, 10_000)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, AGENT_STOP_MS + 3_000));
    agent.kill('SIGCONT');
    expect((await yard.report('1')).slice(3, 7)).toEqual(['ok', 0, expect.anything(), 7]);
    expect((await yard.report('2')).slice(3, 5)).toEqual(['app', 3]);
  }, 120_000);

  it('gets another warden when that is killed, and leaves attempts to it all the same', async () => {
    const sleeper = mark();
    const agent = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    yard.run([command('1', `sleep ${sleeper}`)]);
    await yard.until(() => yard.heartbeats.some((beat) => beat.held.length === 1), 'the attempt held');
    const [first] = wardens();
    process.kill(first!, 'SIGKILL');
    await expect.poll(() => wardens().filter((pid) => pid !== first), { timeout: 20_000 }).toHaveLength(1);
    expect(processesWith(sleeper).length).toBeGreaterThan(0);
    agent.kill('SIGKILL');
    await ended(agent);
    expect(await goneWithin(sleeper, LEASE_TTL_MS)).toBe(true);
  }, 120_000);

  it('sends what it had written down but nobody had answered when it was killed', async () => {
    yard.answersReports = false;
    const first = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    yard.run(Array.from({ length: 20 }, (_, k) => command(String(k + 1), `echo ${k} > "$YARD_OUTPUT"`)));
    await yard.until(() => new Set(yard.reports.map(([task]) => task)).size === 20, '20 reports');
    first.kill('SIGKILL');
    await ended(first);
    yard.reports.length = 0;
    yard.answersReports = true;
    const second = startAgent();
    await yard.until(() => yard.reports.length >= 20, 'the reports again');
    expect(yard.joins[1]!.held).toHaveLength(20);
    expect(yard.reports.map((report) => [report[3], report[6]]).sort()).toEqual(
      Array.from({ length: 20 }, (_, k) => ['ok', k]).sort(),
    );
    second.kill('SIGTERM');
    await ended(second);
    yard.reports.length = 0;
    startAgent();
    await yard.until(() => yard.joins.length === 3, 'the third join');
    expect(yard.joins[2]!.held).toEqual([]);
    expect(yard.reports).toEqual([]);
  }, 120_000);

  it('stops on SIGTERM within seconds with nothing left, also when the yard is away', async () => {
    const sleeper = mark();
    const agent = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    yard.run([command('1', `echo up; sleep ${sleeper}`)]);
    await yard.until(() => yard.log('1', 1, 'stdout') === 'up\n', 'its output');
    await yard.close();
    const began = Date.now();
    agent.kill('SIGTERM');
    expect(await ended(agent)).toBe(0);
    expect(Date.now() - began).toBeLessThan(8_000);
    expect(processesWith(sleeper)).toEqual([]);
    expect(await goneWithin(dir, 2_000)).toBe(true);
    yard = await WorkerYard.open({ heartbeatMs: 200 });
    writeFileSync(join(dir, 'context.json'), JSON.stringify({ url: yard.url }));
    startAgent();
    expect((await yard.report('1'))[3]).toBe('drained');
  }, 120_000);

  it('finds the yard again at another address', async () => {
    startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    await yard.close();
    yard = await WorkerYard.open({ heartbeatMs: 200 });
    writeFileSync(join(dir, 'context.json'), JSON.stringify({ url: yard.url }));
    await yard.until(() => yard.joins.length === 1, 'the join at the new address');
  }, 120_000);

  it('ends its attempts after 22 s without an answered heartbeat', async () => {
    const sleeper = mark();
    startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    yard.run([command('1', `sleep ${sleeper}`)]);
    await yard.until(() => yard.heartbeats.some((beat) => beat.held.length === 1), 'the attempt held');
    yard.answersHeartbeats = false;
    const began = Date.now();
    const report = await yard.report('1', 80_000);
    expect(report[3]).toBe('lost');
    expect(Date.now() - began).toBeGreaterThan(20_000);
    expect(processesWith(sleeper)).toEqual([]);
  }, 120_000);

  it('stays small', async () => {
    const agent = startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    yard.run(Array.from({ length: 300 }, (_, k) => command(String(k + 1), 'echo hello')));
    await yard.until(() => yard.reports.length >= 300, '300 reports', 60_000);
    const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${agent.pid!}/status`, 'utf8'))![1]) / 1024;
    console.log(`agent: ${rss.toFixed(0)} MiB resident after 300 attempts with output`);
    expect(rss).toBeLessThan(160);
  }, 120_000);

  it('tells what is wrong with its options and exits 2, or 5 when another agent has its directory', async () => {
    const wrong = spawn(process.execPath, [main, '--url', 'ftp://x', '--cpu', 'many', '--label', 'x'], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    wrong.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    expect(await ended(wrong)).toBe(2);
    expect(text).toMatch(/--url has to be http/);
    expect(text).toMatch(/--label is written NAME=VALUE/);
    expect(text).toMatch(/cpu/);
    startAgent();
    await yard.until(() => yard.joins.length === 1, 'the join');
    expect(await ended(startAgent())).toBe(5);
  });
});
