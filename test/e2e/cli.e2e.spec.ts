import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { yardCommand, type CommandOptions, type Outcome } from '../support/commands.js';
import { killTree, until } from '../support/processes.js';
import { ROOT, startYard, type StartedYard } from './start-yard.js';

describe('the command line', () => {
  const place = mkdtempSync(path.join(tmpdir(), 'yard-cli-'));
  let started: StartedYard;
  beforeAll(async () => {
    started = await startYard();
  });
  afterAll(async () => {
    await started?.stop();
    if (started !== undefined) await killTree(started.home);
    rmSync(place, { recursive: true, force: true });
  });
  const yard = (args: readonly string[], options: CommandOptions = {}): Promise<Outcome> =>
    yardCommand(started, args, { cwd: place, ...options });
  const ok = async (args: readonly string[], options?: CommandOptions): Promise<string> => {
    const { code, stdout, stderr } = await yard(args, options);
    expect(code, stderr).toBe(0);
    return stdout;
  };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of many shapes, looked at by assertions alone
  const json = async (args: readonly string[]): Promise<any> =>
    JSON.parse(await ok([...args, '-o', 'json'])) as unknown;
  const submit = async (task: object): Promise<string> =>
    (await ok(['task', 'submit', '-', '-o', 'name'], { stdin: JSON.stringify(task) })).trim();

  it('runs the first example to its end and prints results', async () => {
    const { code, stdout, stderr } = await yard(['run', path.join(ROOT, 'examples/first-run.yaml')], {
      timeoutMs: 90_000,
    });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('17984');
    expect(stderr).toMatch(/first-run succeeded/);
  });

  it('runs one command, streams its output and ends as it does', async () => {
    expect(
      await yard(['run', '--cpu', '500m', '--', 'sh', '-c', 'echo hello; echo aside >&2']),
    ).toMatchObject({ code: 0, stdout: 'hello\n', stderr: expect.stringContaining('aside') as string });
    expect((await yard(['run', '--', 'sh', '-c', 'exit 3'])).code).toBe(1);
  });

  it('ends with 1 when a workflow failed', async () => {
    writeFileSync(
      path.join(place, 'bad.yaml'),
      'name: bad\ntasks:\n  a: {run: {command: ["false"]}}\n  b: {run: {command: ["true"]}, dependsOn: [a]}\n',
    );
    expect((await yard(['run', 'bad.yaml'])).code).toBe(1);
  });

  it('submits, shows, waits for and lists tasks', async () => {
    const id = await submit({
      name: 'shown',
      run: { command: ['sh', '-c', 'echo out; echo 5 > "$YARD_OUTPUT"'] },
    });
    expect(id).toMatch(/^\d{16,19}$/);
    await ok(['task', 'wait', id]);
    expect(await json(['task', 'get', id])).toMatchObject({
      id,
      name: 'shown',
      state: 'succeeded',
      status: 'done',
    });
    expect(await ok(['task', 'get', id])).toContain('succeeded');
    expect(await ok(['task', 'logs', id])).toBe('out\n');
    expect(JSON.parse(await ok(['task', 'result', id]))).toBe(5);
    expect(await ok(['task', 'events', id])).toContain('TaskSucceeded');
    await until(
      'the list',
      async () => ((await json(['task', 'list', '--name', 'shown'])).items as unknown[]).length === 1,
      { everyMs: 250 },
    );
    expect(await ok(['task', 'list', '-o', 'name'])).toContain(id);
    expect(await ok(['task', 'list', '--name', 'shown'])).toMatch(/ 1\/1 /);
  });

  it('says why a task waits, and cancels it', async () => {
    const id = await submit({ run: { handler: 'nobody' } });
    await until('the reason', async () => (await ok(['task', 'why', id])).includes('no-worker-matches'), {
      everyMs: 250,
    });
    expect((await yard(['task', 'wait', id, '--timeout', '100ms'])).code).toBe(124);
    await ok(['task', 'cancel', id]);
    expect((await yard(['task', 'wait', id])).code).toBe(1);
    expect((await yard(['task', 'cancel', id])).code).toBe(5);
  });

  it('submits and shows workflows', async () => {
    writeFileSync(
      path.join(place, 'two.yaml'),
      'name: two\ntasks:\n  a: {run: {command: ["true"]}}\n  b: {run: {command: ["true"]}, dependsOn: [a]}\n',
    );
    const id = (await ok(['workflow', 'submit', 'two.yaml', '-o', 'name'])).trim();
    await ok(['workflow', 'wait', id]);
    expect(await json(['workflow', 'get', id])).toMatchObject({
      id,
      state: 'succeeded',
      counts: { succeeded: 2 },
    });
    expect(await ok(['workflow', 'graph', id])).toMatch(/a[\s\S]*b/);
    expect(await ok(['workflow', 'graph', id, '--svg'])).toContain('<svg');
    expect((await yard(['workflow', 'cancel', id])).code).toBe(5);
  });

  it('shows workers, queues, capacity, alerts and events', async () => {
    expect(await json(['worker', 'list'])).toMatchObject({ items: [{ kind: 'agent', state: 'healthy' }] });
    expect(await ok(['queue', 'list'])).toContain('off-peak');
    await ok(['queue', 'pause', 'off-peak']);
    expect(await json(['queue', 'list'])).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ name: 'off-peak', paused: true })]) as unknown,
    });
    await ok(['queue', 'resume', 'off-peak']);
    expect(await json(['capacity'])).toMatchObject({ workers: { healthy: 1 } });
    await ok(['alerts']);
    const lines = (await ok(['events', '--types', 'WorkflowEnded'])).trim().split('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ type: 'WorkflowEnded' });
    expect((await yard(['doctor'])).code).toBe(0);
  });

  it('makes and revokes keys', async () => {
    const { key, keyId } = (await json(['key', 'create', '--role', 'viewer'])) as {
      key: string;
      keyId: string;
    };
    expect((await yard(['queue', 'list'], { env: { YARD_TOKEN: key, YARD_URL: started.url } })).code).toBe(0);
    expect(
      (await yard(['queue', 'pause', 'default'], { env: { YARD_TOKEN: key, YARD_URL: started.url } })).code,
    ).toBe(4);
    await ok(['key', 'revoke', keyId]);
    await until(
      'the revocation',
      async () =>
        (await yard(['queue', 'list'], { env: { YARD_TOKEN: key, YARD_URL: started.url } })).code === 4,
      { everyMs: 250 },
    );
  });

  it('tells by its exit code what went wrong', async () => {
    expect(await yard(['taks', 'list'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean task') as string,
    });
    expect(await yard(['task', 'list', '-o', 'xml'])).toMatchObject({ code: 2 });
    expect(
      await yard(['task', 'submit', '-'], { stdin: '{"run": {"command": ["true"]}, "naem": "x"}' }),
    ).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean "name"') as string });
    expect((await yard(['task', 'get', '1'])).code).toBe(3);
    expect((await yard(['run', 'nowhere.yaml'])).code).toBe(3);
    expect(
      (await yard(['task', 'list'], { env: { YARD_TOKEN: 'nonsense', YARD_URL: started.url } })).code,
    ).toBe(4);
    expect(
      (await yard(['queue', 'list'], { env: { YARD_URL: 'http://127.0.0.1:1', YARD_TOKEN: 'x' } })).code,
    ).toBe(6);
  });

  it('ends with 7 when the limit is exceeded', async () => {
    await ok(['subscription', 'put', 'one', '--tasks-per-hour', '1']);
    await ok(['tenant', 'put', 'small', '--subscription', 'one']);
    const { key } = (await json(['key', 'create', '--tenant', 'small'])) as { key: string };
    const env = { YARD_TOKEN: key, YARD_URL: started.url };
    const stdin = '{"run": {"handler": "nobody"}}';
    await ok(['task', 'submit', '-'], { stdin, env });
    expect(await yard(['task', 'submit', '-'], { stdin, env })).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('rate-limit-exceeded') as string,
    });
  });
});
