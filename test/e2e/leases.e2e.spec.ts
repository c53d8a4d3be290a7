import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LEASE_TTL_MS } from '@yardmaster/contracts';
import { Yard } from '@yardmaster/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { killTree, until } from '../support/processes.js';
import { ROOT, startYard, type StartedYard } from './start-yard.js';

const PATIENCE_MS = 90_000;

// A machine that stands still for as long as a lease ends attempts of its own accord, as it should: then once more.
describe('an agent that is stopped or killed in the middle of an attempt', { retry: 2 }, () => {
  const place = mkdtempSync(path.join(tmpdir(), 'yard-leases-'));
  const home = path.join(place, 'home');
  let started: StartedYard;
  let yard: Yard;
  let runs = 0;
  beforeAll(async () => {
    started = await startYard({ home });
    yard = new Yard({ url: started.url, token: started.token });
  });
  afterAll(async () => {
    await yard?.close();
    await killTree(home);
    rmSync(place, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  const agent = (): number => Number(readFileSync(path.join(home, 'agent', 'lock'), 'utf8').split(' ')[0]);
  const isThere = (group: number): boolean => {
    try {
      process.kill(-group, 0);
      return true;
    } catch {
      return false;
    }
  };
  /** As the yard starts the agent beside it. */
  const startAgent = (): void => {
    spawn(process.execPath, [path.join(ROOT, 'apps', 'agent', 'dist', 'main.js')], {
      detached: true,
      stdio: 'ignore',
      env: { ...process.env, YARD_HOME: home },
    }).unref();
  };
  /** Runs a shell script whose lines of `truth` say what it did; resolves when its first attempt is under way. */
  const begin = async (script: string): Promise<{ id: string; truth: string; go: string; group: number }> => {
    const truth = path.join(place, `truth-${String(++runs)}`);
    const go = `${truth}.go`;
    const command = ['sh', '-c', `echo $$ >> ${truth}; ${script.replaceAll('GO', go)}`];
    const { id } = await yard.tasks.submit({ run: { command } });
    await until('its first attempt', () => existsSync(truth) && readFileSync(truth, 'utf8').endsWith('\n'));
    return { id, truth, go, group: Number(readFileSync(truth, 'utf8').trim()) };
  };
  const attemptsOf = async (id: string): Promise<[string | null, number]> => {
    const { attempts } = await yard.tasks.get(id);
    return [attempts[0]?.outcome ?? null, Date.parse(attempts[0]?.endedAt ?? '')];
  };

  it('leaves nothing of it running when the yard gives its lease away', async () => {
    const { id, truth, group } = await begin('[ "$YARD_ATTEMPT" = 1 ] && sleep 600; exit 0');
    const pid = agent();
    process.kill(pid, 'SIGSTOP');
    let goneAt = 0;
    try {
      await until('the end of its processes', () => !isThere(group), { withinMs: PATIENCE_MS });
      goneAt = Date.now();
      await until('the end of its lease', async () => (await attemptsOf(id))[0] !== null, {
        withinMs: PATIENCE_MS,
      });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const [outcome, endedAt] = await attemptsOf(id);
    console.log(
      `its processes were gone ${String(endedAt - goneAt)} ms before its lease ended as ${String(outcome)}`,
    );
    expect(outcome).toBe('lost');
    expect(goneAt).toBeLessThan(endedAt);
    expect((await yard.tasks.wait(id, { timeout: '60s' })).state).toBe('succeeded');
    expect(readFileSync(truth, 'utf8').trim().split('\n')).toHaveLength(2);
  }, 240_000);

  it('brings what it finished meanwhile when it goes on, and that does not run again', async () => {
    const { id, truth, go, group } = await begin(
      'while [ ! -e GO ]; do sleep 0.1; done; echo 7 > "$YARD_OUTPUT"',
    );
    const pid = agent();
    process.kill(pid, 'SIGSTOP');
    try {
      writeFileSync(go, '');
      await until('its end', () => !isThere(group));
      await until('the end of its lease', async () => (await attemptsOf(id))[0] === 'lost', {
        withinMs: PATIENCE_MS,
      });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const ended = await yard.tasks.wait(id, { timeout: '60s' });
    expect([ended.state, ended.result]).toEqual(['succeeded', 7]);
    expect(ended.attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'ok']);
    expect(readFileSync(truth, 'utf8').trim().split('\n')).toHaveLength(1);
  }, 240_000);

  it('is killed: the next one goes on with the attempt, whose lease never ends meanwhile', async () => {
    const { id, truth, go } = await begin(
      'echo one; while [ ! -e GO ]; do sleep 0.1; done; echo two; echo 8 > "$YARD_OUTPUT"',
    );
    const pid = agent();
    process.kill(pid, 'SIGKILL');
    startAgent();
    await until('the next agent', () => agent() !== pid);
    // Longer than the first one's leases would have lasted.
    await new Promise((resolve) => setTimeout(resolve, LEASE_TTL_MS + 5_000));
    writeFileSync(go, '');
    const ended = await yard.tasks.wait(id, { timeout: '60s' });
    expect([ended.state, ended.result]).toEqual(['succeeded', 8]);
    expect(ended.attempts.map(({ outcome }) => outcome)).toEqual(['ok']);
    expect(readFileSync(truth, 'utf8').trim().split('\n')).toHaveLength(1);
  }, 240_000);

  it('is killed and none comes after it: nothing of it runs when the yard gives its lease away', async () => {
    const { id, truth, group } = await begin('[ "$YARD_ATTEMPT" = 1 ] && sleep 600; exit 0');
    process.kill(agent(), 'SIGKILL');
    await until('the end of its processes', () => !isThere(group), { withinMs: PATIENCE_MS });
    const goneAt = Date.now();
    await until('the end of its lease', async () => (await attemptsOf(id))[0] !== null, {
      withinMs: PATIENCE_MS,
    });
    const [outcome, endedAt] = await attemptsOf(id);
    expect(outcome).toBe('lost');
    expect(goneAt).toBeLessThan(endedAt);
    startAgent();
    expect((await yard.tasks.wait(id, { timeout: '60s' })).state).toBe('succeeded');
    expect(readFileSync(truth, 'utf8').trim().split('\n')).toHaveLength(2);
  }, 240_000);
});
