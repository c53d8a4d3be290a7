import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { findHome, resolveConnection } from './connection.js';
import { durationMs } from './duration.js';

const dir = mkdtempSync(path.join(tmpdir(), 'yard-context-'));
const home = path.join(dir, '.yard');
mkdirSync(path.join(dir, 'deep', 'down'), { recursive: true });
mkdirSync(home);
writeFileSync(
  path.join(home, 'context.json'),
  JSON.stringify({ url: 'http://127.0.0.1:7070', grpc: '127.0.0.1:7071', tokenFile: 'operator.token' }),
);
writeFileSync(path.join(home, 'operator.token'), 'yk_local_1\n');
afterAll(() => {
  rmSync(dir, { recursive: true });
});

it('finds the state directory upwards from where it is called', () => {
  expect(findHome({}, path.join(dir, 'deep', 'down'))).toBe(home);
  expect(findHome({ YARD_HOME: 'other' }, dir)).toBe(path.join(dir, 'other'));
});

it('reads the context file, and lets the environment and options go before it', () => {
  expect(resolveConnection({}, { YARD_HOME: home })).toEqual({
    url: 'http://127.0.0.1:7070',
    token: 'yk_local_1',
  });
  expect(resolveConnection({}, { YARD_HOME: home, YARD_TOKEN: 'mine' })).toEqual({
    url: 'http://127.0.0.1:7070',
    token: 'mine',
  });
  expect(resolveConnection({ url: 'http://a/', token: 'b' }, { YARD_URL: 'http://c' })).toEqual({
    url: 'http://a',
    token: 'b',
  });
});

it('sends a key of the context file to no other yard', () => {
  expect(resolveConnection({}, { YARD_HOME: home, YARD_URL: 'http://elsewhere:7070' })).toEqual({
    url: 'http://elsewhere:7070',
    token: null,
  });
});

it('says what to do when no yard is known', () => {
  expect(() => resolveConnection({}, { YARD_HOME: path.join(dir, 'none') })).toThrow(
    /start one with `yard up`/,
  );
});

it('reads durations with their unit', () => {
  expect([
    durationMs('250ms'),
    durationMs('1.5s'),
    durationMs('1m'),
    durationMs('1h30m'),
    durationMs(7),
  ]).toEqual([250, 1500, 60_000, 5_400_000, 7]);
  expect(() => durationMs('soon')).toThrow(/not a duration/);
  expect(() => durationMs('5')).toThrow(/not a duration/);
});
