import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runNode } from '../support/commands.js';

const HERE = import.meta.dirname;
const ARGS = ['--no-warnings', '--import', path.join(HERE, 'ts-imports.mjs'), path.join(HERE, 'main.ts')];

describe('a fault run', () => {
  it('kills a yard under load and finds nothing wrong afterwards', async () => {
    const { code, stdout, stderr } = await runNode([...ARGS, '--only', 'kill-yard', '--no-table'], {
      timeoutMs: 170_000,
    });
    expect(stdout + stderr).toContain('1 green, 0 failed, 0 void, 0 skipped');
    expect(code).toBe(0);
  });

  it('names a fault that does not exist', async () => {
    const { code, stderr } = await runNode([...ARGS, '--only', 'no-such-fault']);
    expect(code).toBe(2);
    expect(stderr).toContain('no-such-fault');
  });
});
