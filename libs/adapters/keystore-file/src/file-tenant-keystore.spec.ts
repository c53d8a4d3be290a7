import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileTenantKeystore } from './file-tenant-keystore.js';

const hex = (key: Uint8Array | null): string => Buffer.from(key ?? []).toString('hex');

describe('a keystore of files', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'yard-keys-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it('makes a key at first use and gives the same one ever after', () => {
    const keys = new FileTenantKeystore(directory);
    const key = keys.keyOf(1);
    expect(key?.byteLength).toBe(32);
    expect(keys.keyOf(1)).toBe(key);
    expect(hex(new FileTenantKeystore(directory).keyOf(1))).toBe(hex(key));
    expect(hex(keys.keyOf(2))).not.toBe(hex(key));
  });

  it('lets nobody but its owner read a key, and leaves no drafts', () => {
    new FileTenantKeystore(directory).keyOf(7);
    expect(readdirSync(directory)).toEqual(['7.key']);
    expect(statSync(path.join(directory, '7.key')).mode & 0o777).toBe(0o600);
  });

  it('gives null for a destroyed key, here, elsewhere and after a restart', () => {
    let now = 0;
    const here = new FileTenantKeystore(directory);
    const elsewhere = new FileTenantKeystore(directory, () => now);
    here.keyOf(1);
    elsewhere.keyOf(1);
    here.destroy(1);
    expect(here.keyOf(1)).toBeNull();
    now += 5_000;
    expect(elsewhere.keyOf(1)).toBeNull();
    expect(new FileTenantKeystore(directory).keyOf(1)).toBeNull();
    expect(readdirSync(directory)).toEqual(['1.destroyed']);
  });

  it('gives null for a key destroyed before it was ever used', () => {
    const keys = new FileTenantKeystore(directory);
    keys.destroy(5);
    expect(keys.keyOf(5)).toBeNull();
  });

  it('refuses a damaged file rather than seal with half a key', () => {
    writeFileSync(path.join(directory, '3.key'), 'short');
    expect(() => new FileTenantKeystore(directory).keyOf(3)).toThrow('damaged');
  });

  it('refuses what is no tenant number', () => {
    const keys = new FileTenantKeystore(directory);
    for (const odd of [-1, 1.5, Number.NaN, '../x' as unknown as number]) {
      expect(() => keys.keyOf(odd)).toThrow(RangeError);
    }
  });

  it('gives several processes that come at once the same keys', async () => {
    const module = new URL('./file-tenant-keystore.ts', import.meta.url).href;
    const script = `
      const { FileTenantKeystore } = await import(${JSON.stringify(module)});
      const keys = new FileTenantKeystore(${JSON.stringify(directory)});
      process.stdout.write('ready');
      process.stdin.once('data', () => {
        const made = [1, 2, 3, 4, 5, 6, 7, 8].map((tenant) => Buffer.from(keys.keyOf(tenant)).toString('hex'));
        process.stdout.write(made.join());
        process.exit();
      });`;
    const children = [0, 1, 2, 3].map(() =>
      // The source is plain enough for Node to run it without a build, parameter properties aside.
      spawn(process.execPath, [
        '--experimental-transform-types',
        '--no-warnings',
        '--input-type=module',
        '-e',
        script,
      ]),
    );
    const outputs = children.map((child) => {
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
      return new Promise<string>((resolve) =>
        child.once('exit', () => {
          resolve(output);
        }),
      );
    });
    await Promise.all(children.map((child) => new Promise((resolve) => child.stdout.once('data', resolve))));
    for (const child of children) child.stdin.write('go');
    const answers = new Set(await Promise.all(outputs));
    expect(answers.size).toBe(1);
    expect([...answers][0]).toMatch(/^ready([0-9a-f]{64},){7}[0-9a-f]{64}$/);
  });
});
