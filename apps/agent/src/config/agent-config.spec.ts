import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { attemptEnvironment, resolveAgentConfig } from './agent-config.js';

describe('the configuration of an agent', () => {
  it('reads address and key from the home of the yard, anew each time', async () => {
    const home = mkdtempSync(join(tmpdir(), 'yard-home-'));
    const resolved = await resolveAgentConfig(
      ['--home', home, '--cpu', '1500m', '--memory', '2G', '--resource', 'licence=2', '--label', 'zone=a=b'],
      {},
    );
    if ('problems' in resolved) throw new Error(resolved.problems.join());
    const { config } = resolved;
    expect(config).toMatchObject({
      dir: join(home, 'agent'),
      labels: { zone: 'a=b' },
      resources: { cpu: 1_500, memory: 2e9, licence: 2 },
      logCapBytes: 64 * 1024 * 1024,
      maxAttempts: 256,
    });
    expect(() => config.url()).toThrow();
    writeFileSync(join(home, 'context.json'), JSON.stringify({ url: 'http://127.0.0.1:1' }));
    writeFileSync(join(home, 'agent.token'), ' yk_a\n');
    expect([config.url(), config.token()]).toEqual(['http://127.0.0.1:1', 'yk_a']);
    writeFileSync(join(home, 'context.json'), JSON.stringify({ url: 'http://127.0.0.1:2' }));
    expect(config.url()).toBe('http://127.0.0.1:2');
    rmSync(home, { recursive: true, force: true });
  });

  it('takes variables where there are no options', async () => {
    const resolved = await resolveAgentConfig([], {
      YARD_URL: 'http://h:1',
      YARD_TOKEN: 't',
      YARD_AGENT_DIR: '/d',
      YARD_AGENT_CPU: '8',
      YARD_AGENT_LABELS: 'a=1, b=2',
      YARD_AGENT_RESOURCES: 'iops=5',
      YARD_AGENT_SHELL: 'none',
      YARD_AGENT_LOG_CAP: '1Mi',
    });
    if ('problems' in resolved) throw new Error(resolved.problems.join());
    expect(resolved.config).toMatchObject({
      dir: '/d',
      labels: { a: '1', b: '2' },
      resources: { cpu: 8_000, iops: 5 },
      shell: null,
      logCapBytes: 1_048_576,
    });
    expect([resolved.config.url(), resolved.config.token()]).toEqual(['http://h:1', 't']);
  });

  it('names every problem at once', async () => {
    const resolved = await resolveAgentConfig(
      ['--cpu', 'many', '--label', 'x', '--max-attempts', '0', '--log-cap', 'big'],
      {},
    );
    expect('problems' in resolved && resolved.problems).toHaveLength(6);
    expect(await resolveAgentConfig(['--nonsense'], {})).toHaveProperty('problems');
  });

  it('passes nothing on to attempts but the path, the home, the language and the time zone', () => {
    expect(
      attemptEnvironment({
        PATH: '/p',
        HOME: '/h',
        LANG: 'C',
        TZ: 'UTC',
        YARD_TOKEN: 'secret',
        LD_PRELOAD: 'x',
      }),
    ).toEqual({ PATH: '/p', HOME: '/h', LANG: 'C', TZ: 'UTC' });
    expect(attemptEnvironment({})).toEqual({ PATH: '/usr/local/bin:/usr/bin:/bin' });
  });
});
