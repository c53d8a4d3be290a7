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

  it('goes on with what an earlier agent captured, and brings it all from the start', () => {
    const before = new CapturedLog(join(dir, 'out'), 10);
    before.write(Buffer.from('1234'));
    before.uploaded = 4;
    const log = new CapturedLog(join(dir, 'out'), 10);
    log.resume();
    expect([log.tail, log.length]).toEqual(['1234', 4]);
    log.write(Buffer.from('567890ab'));
    expect(log.next()?.toString()).toMatch(/^1234567890\n\[truncated/);
    const after = new CapturedLog(join(dir, 'out'), 10);
    after.resume();
    after.write(Buffer.from('more'));
    expect([after.isTruncated, after.length]).toEqual([true, log.length]);
    after.remove();
    const none = new CapturedLog(join(dir, 'none'), 10);
    none.resume();
    expect([none.length, none.next(), existsSync(none.path)]).toEqual([0, null, false]);
    for (const one of [before, log]) one.close();
  });
});
