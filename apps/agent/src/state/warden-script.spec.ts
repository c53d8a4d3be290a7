import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WARDEN_SCRIPT } from './warden-script.js';

let run: string;
let warden: ChildProcess;
let attempt: ChildProcess;

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;
/** A time since boot, as the warden is told it. */
const inSeconds = (seconds: number): string => `=${Math.round((uptime() + seconds) * 100)}\n`;

async function gone(child: ChildProcess): Promise<number> {
  const began = Date.now();
  if (isRunning(child)) await new Promise((resolve) => child.once('exit', resolve));
  return Date.now() - began;
}

beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), 'yard-warden-'));
  mkdirSync(join(run, 'slots'));
  warden = spawn('bash', ['--norc', '--noprofile', '-c', WARDEN_SCRIPT, 'yard-warden', run, '-t 0.3', 'me'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  attempt = spawn('sleep', ['60'], {
    env: { PATH: process.env['PATH'], YARD_OUTPUT: `${run}/io/1-1-1-1.output` },
    stdio: 'ignore',
  });
});

afterEach(() => {
  warden.kill('SIGKILL');
  attempt.kill('SIGKILL');
  rmSync(run, { recursive: true, force: true });
});

describe('the warden', () => {
  it('keeps to the last whole time that it was told when its agent is killed, and says when nothing is left', async () => {
    warden.stdin!.write(inSeconds(60));
    warden.stdin!.write(inSeconds(3));
    // What a shell that gives up waiting leaves of a line.
    warden.stdin!.write('12345\n');
    warden.stdin!.write('dle\n');
    warden.stdin!.end();
    expect(await gone(attempt)).toBeGreaterThan(1_500);
    await gone(warden);
    expect(existsSync(join(run, 'over'))).toBe(true);
    expect(readFileSync(join(run, 'ended'), 'utf8')).toContain(String(attempt.pid));
  });

  it('ends at once what there is though nothing runs as far as it knows', async () => {
    warden.stdin!.write(inSeconds(60));
    warden.stdin!.end('idle\n');
    expect(await gone(attempt)).toBeLessThan(30_000);
  });

  it('waits for no other agent when the directory was deleted', async () => {
    warden.stdin!.write(inSeconds(60));
    rmSync(run, { recursive: true });
    warden.stdin!.end();
    expect(await gone(attempt)).toBeLessThan(30_000);
    await gone(warden);
  });

  it.each([
    ['when all ended in order', `${inSeconds(0)}bye\n`],
    ['when it was told nothing', ''],
  ])('goes %s, and leaves everything as it is', async (_when, lines) => {
    warden.stdin!.end(lines);
    await gone(warden);
    expect(isRunning(attempt)).toBe(true);
    expect(existsSync(join(run, 'over'))).toBe(false);
  });

  it('goes when another agent has taken what is there', async () => {
    warden.stdin!.end(inSeconds(60));
    writeFileSync(join(run, 'taken'), 'another\n');
    await gone(warden);
    expect(isRunning(attempt)).toBe(true);
    expect(existsSync(join(run, 'over'))).toBe(false);
  });
});
