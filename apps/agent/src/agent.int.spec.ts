import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '@yardmaster/contracts';
import { assignment, WorkerYard } from '@yardmaster/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Agent } from './agent.js';
import type { AgentConfig } from './config/agent-config.js';

let dir: string;
let yard: WorkerYard;
let agent: Agent | undefined;
let nextTask = 1_000;

async function start(options: Partial<AgentConfig> = {}, heartbeatMs = 200): Promise<void> {
  yard = await WorkerYard.open({ heartbeatMs });
  agent = await Agent.start(
    {
      url: () => yard.url,
      token: () => 'yk_test',
      dir: join(dir, 'state'),
      name: 'here',
      labels: { zone: 'a' },
      resources: { cpu: 3_000 },
      maxAttempts: 64,
      logCapBytes: 256 * 1024,
      ...options,
    },
    () => undefined,
  );
  await yard.until(() => yard.joins.length > 0, 'the join');
}

type Work = Parameters<typeof assignment>[1];

function send(work: Work): string {
  const task = String(nextTask++);
  yard.run([assignment(task, work)]);
  return task;
}

async function run(command: readonly string[], work: Work = {}): Promise<Report> {
  return await yard.report(send({ ...work, run: { command, ...work.run } }));
}

const shell = (script: string, work: Work = {}): Promise<Report> => run(['sh', '-c', script], work);

/** Processes whose command line holds a text. */
function processesWith(text: string): string[] {
  return execFileSync('ps', ['-eo', 'pid,args'])
    .toString()
    .split('\n')
    .filter((line) => line.includes(text) && !line.includes('ps -eo'));
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'yard-agent-'));
});
afterEach(async () => {
  await agent?.stop();
  await yard.close();
  agent = undefined;
  rmSync(dir, { recursive: true, force: true });
});

describe.each([
  ['through a launcher shell', {}],
  ['without a shell', { shell: null }],
] as const)('an attempt %s', (_how, options) => {
  it('reports exit codes as they are, and signals as what they are', async () => {
    await start(options);
    const codes = [0, 1, 2, 3, 42, 125, 126, 127, 128, 129, 130, 137, 139, 143, 200, 254, 255];
    const reports = await Promise.all(codes.map((code) => shell(`exit ${code}`)));
    expect(reports.map((report) => report[4])).toEqual(codes);
    expect(reports.map((report) => report[3])).toEqual(codes.map((code) => (code === 0 ? 'ok' : 'app')));
    expect(reports.slice(1).every((report, k) => report[7] === `exit code ${codes[k + 1]!}`)).toBe(true);
    const signals = [
      ['HUP', 1],
      ['INT', 2],
      ['QUIT', 3],
      ['KILL', 9],
      ['USR1', 10],
      ['SEGV', 11],
      ['PIPE', 13],
      ['TERM', 15],
    ] as const;
    const killed = await Promise.all(signals.map(([name]) => shell(`kill -${name} $$`)));
    expect(killed.map((report) => [report[4], report[7]])).toEqual(
      signals.map(([name, number]) => [128 + number, `ended by signal SIG${name}`]),
    );
  });

  it('waits for the end of an attempt that was stopped for a while', async () => {
    await start(options);
    const goesOn = 'pid=$$; (sleep 0.5; kill -CONT $pid) & kill -STOP $$';
    expect((await shell(`${goesOn}; exit 7`)).slice(3, 5)).toEqual(['app', 7]);
    expect((await shell(`${goesOn}; exit 0`)).slice(3, 5)).toEqual(['ok', 0]);
    const codes = [146, 147, 148, 149, 150, 151];
    const reports = await Promise.all(codes.map((code) => shell(`exit ${code}`)));
    expect(reports.map((report) => [report[4], report[7]])).toEqual(
      codes.map((code) => [code, `exit code ${code}`]),
    );
  });

  it('passes hostile arguments, variables and inputs on untouched', async () => {
    await start(options);
    const hostile = [
      '',
      ' ',
      'a b',
      '$(touch pwned)',
      '`id`',
      '"',
      "'",
      "'\\''",
      'x\ny\n',
      '\n',
      '*',
      '~',
      '-n',
      '--',
      '\\',
      '!!',
      '${HOME}',
      'a=b',
      'ünï→😀',
      '\u001b[31m',
      '; rm -rf /',
      '%s',
      '\t',
      '#',
    ];
    const args = await run(
      [
        process.execPath,
        '-e',
        'require("fs").writeFileSync(process.env.YARD_OUTPUT, JSON.stringify(process.argv.slice(1)))',
        '--',
      ],
      { run: { args: hostile } },
    );
    expect(args[7]).toBeNull();
    expect(args[6]).toEqual(hostile);
    const env = Object.fromEntries(hostile.map((value, k) => [`V${k}`, value]));
    const variables = await run(
      [
        process.execPath,
        '-e',
        'require("fs").writeFileSync(process.env.YARD_OUTPUT, JSON.stringify(Object.fromEntries(Object.entries(process.env).filter(([k]) => /^V/.test(k)))))',
      ],
      { run: { env } },
    );
    expect(variables[6]).toEqual(env);
    const echoed = await shell('cat "$YARD_INPUT" > "$YARD_OUTPUT"', { run: { input: { hostile } } });
    expect(echoed[6]).toEqual({ hostile });
    const odd = {
      'a.b': '1',
      'a[$(touch pwned)]': '2',
      BASH_ENV: '/nowhere',
      SHELLOPTS: 'xtrace',
      IFS: 'x',
      '-n': '3',
      n: '4',
      PATH: `${process.env['PATH'] ?? ''}:/x y`,
      LC_ALL: 'C',
    };
    const passed = await run(
      [
        process.execPath,
        '-e',
        'require("fs").writeFileSync(process.env.YARD_OUTPUT, JSON.stringify(process.env))',
      ],
      { run: { env: odd } },
    );
    expect(passed[6]).toMatchObject(odd);
  });

  it('gives an attempt its own directory, a clean environment and what the contract names', async () => {
    await start(options);
    const report = await run(
      [
        process.execPath,
        '-e',
        'const fs = require("fs"); fs.writeFileSync(process.env.YARD_OUTPUT, JSON.stringify({ env: process.env, cwd: process.cwd(), files: fs.readdirSync("."), input: fs.existsSync(process.env.YARD_INPUT), parents: JSON.parse(fs.readFileSync(process.env.YARD_PARENTS)), checkpoint: fs.statSync(process.env.YARD_CHECKPOINT_DIR).isDirectory() }))',
      ],
      {
        parents: { extract: { rows: 3 } },
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        capMs: 60_000,
      },
    );
    const seen = report[6] as {
      env: Record<string, string>;
      cwd: string;
      files: string[];
      input: boolean;
      parents: unknown;
      checkpoint: boolean;
    };
    expect(seen.env).toMatchObject({
      YARD_TASK_ID: report[0],
      YARD_ATTEMPT: '1',
      YARD_FENCE: '1',
      TRACEPARENT: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    expect(Math.abs(Number(seen.env['YARD_DEADLINE']) - Date.now() - 60_000)).toBeLessThan(10_000);
    const allowed = ['PATH', 'HOME', 'LANG', 'TZ', 'PWD', '_', 'TRACEPARENT', 'SHLVL'];
    expect(
      Object.keys(seen.env).filter((name) => !name.startsWith('YARD_') && !allowed.includes(name)),
    ).toEqual([]);
    expect(seen.files).toEqual([]);
    expect(seen.input).toBe(false);
    expect(seen.parents).toEqual({ extract: { rows: 3 } });
    expect(seen.checkpoint).toBe(true);
    expect(existsSync(seen.cwd)).toBe(false);
  });

  it('captures both streams, whatever is written to and however', async () => {
    await start(options);
    const report = await shell(
      'echo one; echo two >&2; echo three > /dev/stdout; echo four > /dev/stderr; (echo five) ; exit 7',
    );
    expect(yard.log(report[0], 1, 'stdout')).toBe('one\nthree\nfive\n');
    expect(yard.log(report[0], 1, 'stderr')).toBe('two\nfour\n');
    expect(report[7]).toBe('exit code 7: four');
  });

  it('keeps all of a large output up to its cap, and says where it was cut', async () => {
    await start(options);
    const all = await shell('head -c 200000 /dev/zero | tr "\\0" x');
    expect(yard.log(all[0], 1, 'stdout')).toBe('x'.repeat(200_000));
    const cut = await shell('head -c 20000000 /dev/zero | tr "\\0" x');
    expect(cut[3]).toBe('ok');
    const log = yard.log(cut[0], 1, 'stdout');
    expect(log.length).toBeLessThan(256 * 1024 + 200);
    expect(log).toMatch(/x\n\[truncated: more than 262144 bytes/);
  });

  it('kills all of an attempt over its cap: who ignores SIGTERM, who left the group, who stopped', async () => {
    await start(options);
    const mark = `9${process.pid}${Math.floor(Math.random() * 1e6)}`;
    const report = await shell(
      `trap '' TERM; (setsid sh -c 'trap "" TERM; sleep ${mark} & sleep ${mark}' &) ; sleep ${mark} & sh -c 'kill -STOP $$; sleep ${mark}' & while :; do sleep 0.1; done`,
      { capMs: 400 },
    );
    expect(report[3]).toBe('over-cap');
    expect(report[7]).toContain('over the execution cap');
    expect(processesWith(mark)).toEqual([]);
  }, 120_000);

  it('ends an attempt on a kill order within its grace', async () => {
    await start(options);
    const task = send({
      run: { command: ['sh', '-c', 'echo up; trap "echo bye; exit 3" TERM; while :; do sleep 0.05; done'] },
    });
    await yard.until(() => yard.log(task, 1, 'stdout') === 'up\n', 'its output, live');
    yard.kill([[task, 1, 1, 'cancelled']]);
    const report = await yard.report(task);
    expect(report.slice(3, 5)).toEqual(['cancelled', 3]);
    expect(yard.log(task, 1, 'stdout')).toBe('up\nbye\n');
  });

  it('leaves nothing of an attempt that ended well, nor of one that left a daemon', async () => {
    await start(options);
    const mark = `8${process.pid}${Math.floor(Math.random() * 1e6)}`;
    expect(
      (
        await shell(
          `sleep ${mark} & (setsid sleep ${mark} >/dev/null 2>&1 &); (setsid sleep ${mark} &); echo $?`,
        )
      )[3],
    ).toBe('ok');
    for (let k = 0; k < 100 && processesWith(mark).length > 0; k++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(processesWith(mark)).toEqual([]);
    expect((await shell('echo next'))[3]).toBe('ok');
  });

  it('takes $YARD_OUTPUT for the result, refuses what is not JSON, and stores what is large', async () => {
    await start(options);
    expect((await shell('echo \'{"a": [1, "ü"]}\' > "$YARD_OUTPUT"'))[6]).toEqual({ a: [1, 'ü'] });
    const bad = await shell('echo "{a" > "$YARD_OUTPUT"');
    expect([bad[3], bad[7]]).toEqual(['app', expect.stringContaining('not JSON')]);
    const failed = await shell('echo 1 > "$YARD_OUTPUT"; exit 1');
    expect([failed[3], failed[6]]).toEqual(['app', null]);
    const large = await shell('printf \'"%020000d"\' 0 > "$YARD_OUTPUT"');
    expect(yard.blobs.get((large[6] as { $blob: string }).$blob)?.toString()).toBe(`"${'0'.repeat(20_000)}"`);
    const linked = await shell('ln -s /etc/hostname "$YARD_OUTPUT"');
    expect([linked[3], linked[6]]).toEqual(['ok', null]);
  });

  it('says so when the program does not exist', async () => {
    await start(options);
    expect((await run(['no-such-program-here'])).slice(3, 5)).toEqual(['app', 127]);
  });
});

describe('the agent', () => {
  it('says what it is and has', async () => {
    await start();
    expect(yard.joins[0]).toMatchObject({
      kind: 'agent',
      name: 'here',
      labels: { zone: 'a' },
      handlers: [],
      held: [],
      capacity: { cpu: 3_000 },
    });
    expect(yard.joins[0]!.capacity['memory']).toBeGreaterThan(1e8);
    expect(yard.joins[0]!.capacity['disk']).toBeGreaterThan(1e8);
  });

  it('runs scripts by their first line, else by their extension, fetching each once', async () => {
    await start();
    const script = async (text: string, path: string, args: string[] = []): Promise<Report> =>
      await yard.report(
        send({ kind: 'script', run: { script: path, scriptHash: yard.addBlob(text), args } }),
      );
    expect((await script('#!/bin/sh -e\nfalse\nexit 9', 'a'))[4]).toBe(1);
    expect(
      (
        await script(
          '#!/usr/bin/env python3\nimport os, json, sys\njson.dump(sys.argv[1:], open(os.environ["YARD_OUTPUT"], "w"))',
          'b',
          ['x y'],
        )
      )[6],
    ).toEqual(['x y']);
    expect((await script('import os\nopen(os.environ["YARD_OUTPUT"], "w").write("5")', 'c.py'))[6]).toBe(5);
    expect(
      (
        await script(
          'import { writeFileSync } from "node:fs"; writeFileSync(process.env.YARD_OUTPUT, "6");',
          'd.mjs',
        )
      )[6],
    ).toBe(6);
    expect((await script('require("fs").writeFileSync(process.env.YARD_OUTPUT, "7");', 'e.js'))[6]).toBe(7);
    expect((await script('echo 8 > $YARD_OUTPUT', 'f'))[6]).toBe(8);
    const calls = yard.calls.length;
    expect((await script('echo 8 > $YARD_OUTPUT', 'f'))[6]).toBe(8);
    expect(yard.calls.length).toBe(calls);
    const missing = await yard.report(
      send({ kind: 'script', run: { script: 'x', scriptHash: 'f'.repeat(64) } }),
    );
    expect([missing[3], missing[7]]).toEqual(['infra', expect.stringContaining('could not be fetched')]);
  });

  it('fetches inputs and results of parents that are kept as blobs', async () => {
    await start();
    const big = { text: 'y'.repeat(10_000) };
    const ref = { $blob: yard.addBlob(JSON.stringify(big)) };
    const report = await run(
      [
        process.execPath,
        '-e',
        'const fs = require("fs"); const r = (n) => JSON.parse(fs.readFileSync(process.env[n])); fs.writeFileSync(process.env.YARD_OUTPUT, JSON.stringify([r("YARD_INPUT").text.length, r("YARD_PARENTS").up.text.length]))',
      ],
      { parents: { up: ref }, run: { input: ref } },
    );
    expect(report[6]).toEqual([10_000, 10_000]);
  });

  it('refuses what no process can be given', async () => {
    await start();
    expect((await run(['echo', 'a\0b']))[3]).toBe('permanent');
    expect((await run(['echo'], { run: { env: { 'a=b': '1' } } }))[3]).toBe('permanent');
  });

  it('goes on over a lost connection and repeats what was not answered', async () => {
    await start();
    yard.answersReports = false;
    const first = send({ run: { command: ['true'] } });
    await yard.report(first);
    const second = send({ run: { command: ['sh', '-c', 'sleep 0.7; echo done'] } });
    await yard.until(
      () => yard.heartbeats.some((beat) => beat.held.some(([task]) => task === second)),
      'the second held',
    );
    const { port } = yard;
    const { incarnation } = yard.joins[0]!;
    await yard.close();
    await new Promise((resolve) => setTimeout(resolve, 400));
    yard = await WorkerYard.open({ port, heartbeatMs: 200 });
    expect((await yard.report(second))[3]).toBe('ok');
    expect((await yard.report(first))[3]).toBe('ok');
    await yard.until(() => yard.log(second, 1, 'stdout') === 'done\n', 'the output that was kept');
    expect(yard.joins[0]!.incarnation).toBe(incarnation);
    expect(yard.joins[0]!.held).toContainEqual([first, 1, 1]);
  }, 120_000);

  it('does not start what it was given twice', async () => {
    await start();
    const twice = assignment('77', { run: { command: ['sh', '-c', 'echo x; sleep 0.2'] } });
    yard.run([twice]);
    yard.run([twice]);
    await yard.report('77');
    expect(yard.log('77', 1, 'stdout')).toBe('x\n');
    expect(yard.reports.filter((report) => report[0] === '77')).toHaveLength(1);
  });

  it('answers a kill order for an attempt that it never saw', async () => {
    await start();
    yard.kill([
      ['4711', 2, 9, 'withdrawn'],
      ['4712', 1, 1, 'lost'],
    ]);
    expect(await yard.report('4711')).toEqual(['4711', 2, 9, 'withdrawn', null, null, null, null]);
    expect(yard.reports.some((report) => report[0] === '4712')).toBe(false);
  });

  it('ends what runs when it stops, reports it drained, says bye and leaves nothing', async () => {
    await start();
    const mark = `7${process.pid}${Math.floor(Math.random() * 1e6)}`;
    const task = send({ run: { command: ['sh', '-c', `echo up; sleep ${mark}`] } });
    await yard.until(() => yard.log(task, 1, 'stdout') === 'up\n', 'its output');
    await agent!.stop();
    expect((await yard.report(task))[3]).toBe('drained');
    expect(yard.byes).toHaveLength(1);
    expect(processesWith(mark)).toEqual([]);
    expect(readdirSync(join(dir, 'state', 'runs'))).toEqual([]);
    expect(processesWith(join(dir, 'state'))).toEqual([]);
  });

  it('reports lost what it ran when a launcher is killed or hangs, leaves nothing of it, and goes on', async () => {
    await start();
    const marks = [1, 2].map((k) => `5${k}${process.pid}${Math.floor(Math.random() * 1e6)}`);
    const killed = send({ run: { command: ['sh', '-c', `echo up; sleep ${marks[0]!}`] } });
    await yard.until(() => yard.log(killed, 1, 'stdout') === 'up\n', 'its output');
    const launcher = (mark: string): number => {
      const [pid] = processesWith(mark).map((line) => Number(line.trim().split(' ')[0]));
      return Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)]));
    };
    process.kill(launcher(`echo up; sleep ${marks[0]!}`), 'SIGKILL');
    expect((await yard.report(killed))[3]).toBe('lost');
    expect(processesWith(marks[0]!)).toEqual([]);
    const hung = send({ run: { command: ['sh', '-c', `echo up; sleep ${marks[1]!}`] } });
    await yard.until(() => yard.log(hung, 1, 'stdout') === 'up\n', 'its output');
    const shellOf = launcher(`echo up; sleep ${marks[1]!}`);
    const leader = Number(processesWith(`echo up; sleep ${marks[1]!}`)[0]!.trim().split(' ')[0]);
    process.kill(shellOf, 'SIGSTOP');
    process.kill(-leader, 'SIGKILL');
    expect((await yard.report(hung))[3]).toBe('lost');
    expect((await shell('exit 0'))[3]).toBe('ok');
  }, 120_000);

  it('refuses a second agent on its directory', async () => {
    await start();
    await expect(
      Agent.start(
        {
          url: () => yard.url,
          token: () => 'x',
          dir: join(dir, 'state'),
          name: 'b',
          labels: {},
          resources: {},
          maxAttempts: 1,
          logCapBytes: 1,
        },
        () => undefined,
      ),
    ).rejects.toThrow('already');
  });
});
