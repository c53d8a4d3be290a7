import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CapturedLog } from './captured-log.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'yard-log-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('captured output', () => {
  it('makes no file before the first byte, and none is left', () => {
    const log = new CapturedLog(join(dir, 'out'), 100);
    expect([log.next(), existsSync(log.path)]).toEqual([null, false]);
    log.write(Buffer.from('hello'));
    expect(log.next()?.toString()).toBe('hello');
    log.uploaded = 3;
    expect(log.next()?.toString()).toBe('lo');
    log.uploaded = 5;
    expect(log.next()).toBeNull();
    log.remove();
    expect(existsSync(log.path)).toBe(false);
  });

  it('keeps exactly its cap and a mark, and drops the rest', () => {
    const log = new CapturedLog(join(dir, 'out'), 10);
    log.write(Buffer.from('12345'));
    log.write(Buffer.from('67890'));
    expect(log.isTruncated).toBe(false);
    log.write(Buffer.from('a'));
    log.write(Buffer.from('the end\n'));
    expect(log.next()?.toString()).toMatch(/^1234567890\n\[truncated: more than 10 bytes[^\n]*\]\n$/);
    expect(log.tail).toContain('the end');
    log.remove();
  });
});
