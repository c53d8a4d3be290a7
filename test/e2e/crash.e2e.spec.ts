import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Yard } from '@yardmaster/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeTree, isAlive, kill, killTree, treeOf, until } from '../support/processes.js';
import { STEP_PATH, STEP_TEXT, chainsOf, executionsIn } from '../support/steps.js';
import { ROOT, startYard, type StartedYard } from './start-yard.js';

const CHAINS = 4;
const LENGTH = 5;
const STEPS = CHAINS * LENGTH + 1;
/** Between the new start and the end of what is left, about 3 s of sleeping: a bound on what is waited for, not on speed. */
const LEFT_MS = 25_000;

describe('a yard that is killed', () => {
  const place = mkdtempSync(path.join(tmpdir(), 'yard-crash-'));
  const home = path.join(place, 'home');
  let started: StartedYard;
  let yard: Yard;
  const start = async (): Promise<void> => {
    started = await startYard({ home });
    yard = new Yard({ url: started.url, token: started.token });
  };
  beforeAll(async () => {
    await start();
    await yard.scripts.put(STEP_PATH, STEP_TEXT);
  });
  afterAll(async () => {
    await yard?.close();
    await killTree(home);
    rmSync(place, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  /** Submits the workflow, waits until it is in the middle, and returns what had ended for the client then. */
  const halfway = async (
    truth: string,
  ): Promise<{ id: string; tasks: Readonly<Record<string, string>>; succeeded: string[] }> => {
    const { id, tasks } = await yard.workflows.submit(chainsOf(CHAINS, LENGTH, 0.7, truth));
    await until('half of its steps', () => executionsIn(truth).ended.size >= CHAINS * 2);
    const succeeded = (await yard.workflows.get(id)).tasks
      .filter(({ state }) => state === 'succeeded')
      .map(({ key }) => key);
    expect(succeeded.length).toBeGreaterThan(0);
    return { id, tasks, succeeded };
  };
  const finish = async (id: string): Promise<void> => {
    const ended = await yard.workflows.wait(id, { timeout: '60s' });
    expect(ended.state, JSON.stringify(ended)).toBe('succeeded');
    expect(ended.counts).toEqual({ succeeded: STEPS });
  };

  it('alone, in the middle of a workflow, goes on where it was: nothing is lost, nothing runs twice', async () => {
    const truth = path.join(place, 'alone');
    const { id, tasks } = await halfway(truth);
    const agents = treeOf(home).filter((pid) => pid !== started.pid);
    await yard.close();
    kill(started.pid, 'SIGKILL');
    await until('its death', () => !isAlive(started.pid));
    const startedAt = Date.now();
    await start();
    await finish(id);
    expect(Date.now() - startedAt).toBeLessThan(LEFT_MS);
    const { begun, ended } = executionsIn(truth);
    expect(ended.size).toBe(STEPS);
    // The agent and the attempts it ran went on: each step ran once.
    expect([...begun.values(), ...ended.values()].filter((n) => n !== 1)).toEqual([]);
    expect((await yard.tasks.get(tasks['last'] ?? '')).attempts).toHaveLength(1);
    expect(agents.some(isAlive)).toBe(true);
  });

  it('with agent, keeper and servers, repeats nothing that had ended', async () => {
    const truth = path.join(place, 'all');
    const { id, succeeded } = await halfway(truth);
    await yard.close();
    await killTree(home);
    const before = executionsIn(truth);
    await start();
    await finish(id);
    const { begun, ended } = executionsIn(truth);
    expect(ended.size).toBe(STEPS);
    for (const key of succeeded) expect([key, begun.get(key)]).toEqual([key, 1]);
    // Only what was cut off in the middle began again.
    for (const [key, n] of begun) if (n > 1) expect([key, before.begun.has(key)]).toEqual([key, true]);
    expect(Math.max(...begun.values())).toBeLessThanOrEqual(2);
  });

  it('accepts every task once over a crash in the middle of submissions', async () => {
    const truth: string[] = [];
    const submit = async (client: Yard): Promise<void> => {
      for (let i = 0; i < 300; i++)
        truth.push(
          (
            await client.tasks.submit(
              { name: `n${String(i)}`, run: { handler: 'nobody' } },
              { idempotencyKey: `crash-${String(i)}` },
            )
          ).id,
        );
    };
    const going = submit(yard).catch(() => undefined);
    await until('some acceptances', () => truth.length >= 50);
    kill(started.pid, 'SIGKILL');
    await yard.close();
    await going;
    const accepted = [...truth];
    await start();
    truth.length = 0;
    await submit(yard);
    expect(truth.slice(0, accepted.length)).toEqual(accepted);
    expect(new Set(truth).size).toBe(300);
  });

  it('refuses a second yard on a home in use, by name', async () => {
    const { code, output } = await ends({ YARD_HOME: home });
    expect(code).toBe(1);
    expect(output).toContain(home);
    expect(output).toContain(String(started.pid));
  });

  it('names the holder of a taken port and the variable to set', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await until('the port', () => holder.listening);
    const { port } = holder.address() as { port: number };
    const other = path.join(place, 'other');
    try {
      for (const variable of ['YARD_HTTP_PORT', 'YARD_GRPC_PORT']) {
        const { code, output } = await ends({ YARD_HOME: other, [variable]: String(port) });
        expect(code).toBe(1);
        expect(output).toContain(`port ${String(port)} is taken`);
        expect(output).toContain(`pid ${String(process.pid)}`);
        expect(output).toContain(variable);
      }
      expect(describeTree(other)).toEqual([]);
    } finally {
      holder.close();
    }
  });

  it('leaves no process behind at Ctrl-C, with work under way', async () => {
    const truth = path.join(place, 'stopped');
    await yard.workflows.submit(chainsOf(2, 2, 30, truth));
    await until('its first steps', () => executionsIn(truth).begun.size === 2);
    await yard.close();
    // As with `npm start | head`: whoever read what it says is gone.
    started.leave();
    expect(await started.stop()).toBe(0);
    expect(describeTree(home)).toEqual([]);
  });
});

/** Starts a yard that is expected to end by itself. */
async function ends(env: NodeJS.ProcessEnv): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [path.join(ROOT, 'apps/standalone/dist/main.js'), '--no-example'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, YARD_HTTP_PORT: '0', YARD_GRPC_PORT: '0', ...env },
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  clearTimeout(timer);
  return { code, output };
}
