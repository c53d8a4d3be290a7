import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Interpreters } from './interpreters.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'yard-interp-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function executable(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

describe('the command that runs a script', () => {
  const command = (text: string, submittedAs: string): readonly string[] => {
    const file = join(dir, `script-${Math.random()}`);
    writeFileSync(file, text);
    return new Interpreters('/usr/bin:/bin').scriptCommand(file, submittedAs);
  };

  it('comes from its first line as the kernel reads it, its argument whole', () => {
    expect(command('#!/bin/sh\n', 'x.py')).toEqual(['/bin/sh']);
    expect(command('#! /bin/bash -e -u \r\necho', 'x')).toEqual(['/bin/bash', '-e -u']);
    expect(command('#!/usr/bin/env python3\n', 'x')).toEqual(['python3']);
    expect(command('#!/usr/bin/env -S node --x\n', 'x')).toEqual(['/usr/bin/env', '-S node --x']);
  });

  it('else from the extension it was submitted under, else it is sh', () => {
    expect(command('', 'a/b.py')).toEqual(['python3']);
    expect(command('x', 'b.MJS')).toEqual(['node']);
    expect(command('#not', 'b')).toEqual(['sh']);
    expect(command('x', 'b.txt')).toEqual(['sh']);
  });
});

describe('programs', () => {
  it("are looked up in the path, behind a version manager's shim where there is one", async () => {
    mkdirSync(join(dir, 'shims'));
    executable(join(dir, 'shims', 'python3'), '#!/bin/sh\necho /real/python3\n');
    executable(join(dir, 'tool'), '#!/bin/sh\n');
    const interpreters = new Interpreters(`${join(dir, 'shims')}:${dir}:/usr/bin:/bin`);
    expect(interpreters.peek('python3')).toBeUndefined();
    expect(await interpreters.resolve('python3')).toBe('/real/python3');
    expect(interpreters.peek('python3')).toBe('/real/python3');
    expect(await interpreters.resolve('tool')).toBe(join(dir, 'tool'));
    expect(await interpreters.resolve('nothing-of-this-name')).toBe('nothing-of-this-name');
    expect(interpreters.peek('./x')).toBe('./x');
    expect(await new Interpreters('').resolve('node')).toBe(process.execPath);
  });
});
