import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isShellSafe, SLOT_SCRIPT } from './slot-script.js';

describe('variables that go through a launcher shell', () => {
  it('are those a shell passes on untouched', () => {
    for (const name of [
      'A',
      'MODE',
      'YARD_INPUT',
      'a1_',
      'PATH',
      'HOME',
      'TZ',
      'n',
      'name',
      'LD_LIBRARY_PATH',
      'PYTHONPATH',
    ])
      expect(isShellSafe(name), name).toBe(true);
    for (const name of [
      '',
      '1A',
      'a.b',
      'a-b',
      'a b',
      'a[$(id)]',
      'ü',
      'IFS',
      'BASH_ENV',
      'SHELLOPTS',
      'UID',
      'RANDOM',
      '__yard_s',
      '_',
      'LC_ALL',
      'LANG',
      'PS4',
      'POSIXLY_CORRECT',
      'OPTIND',
    ])
      expect(isShellSafe(name), name).toBe(false);
  });

  it('are all read-only names of the shell left out', () => {
    const names = execFileSync('bash', ['--norc', '--noprofile', '-c', 'readonly -p'])
      .toString()
      .matchAll(/^declare -\S+ (\w+)/gm);
    for (const [, name] of names) expect(isShellSafe(name!), name).toBe(false);
  });
});

describe('the launcher script', () => {
  it('is one that the shell can read', () => {
    expect(() => execFileSync('bash', ['-n', '-c', SLOT_SCRIPT])).not.toThrow();
  });
});
