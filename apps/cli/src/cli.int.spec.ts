import { execFile } from 'node:child_process';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const YARD = path.resolve(import.meta.dirname, '..', 'bin', 'yard.mjs');
const answers: Record<string, [status: number, body: unknown]> = {
  '/v1/queues': [
    200,
    {
      items: [{ name: 'default', paused: false, visible: 1, leased: 2, backingOff: 0, ready: 3 }],
      nextCursor: null,
    },
  ],
  '/v1/tasks/1': [404, problem('not-found', 404, 'there is no "1" here')],
  '/v1/tasks/2': [401, problem('unauthenticated', 401, 'no')],
  '/v1/tasks/3': [429, problem('rate-limit-exceeded', 429, 'Limit exceeded', { retryAfter: 1800 })],
  '/v1/tasks/4?wait=10ms': [200, { id: '4', status: 'in_progress', state: 'running' }],
};
let server: Server;
let url = '';

function problem(code: string, status: number, detail: string, more: object = {}): object {
  return { type: 'x', title: 'x', code, status, detail, traceId: 't', ...more };
}

beforeAll(async () => {
  server = createServer(({ url: asked = '' }, response: ServerResponse) => {
    const [status, body] = answers[asked] ?? [200, {}];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});
afterAll(() => server.close());

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

function yard(args: string[], env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [YARD, ...args],
      { env: { PATH: process.env['PATH'], YARD_URL: url, YARD_TOKEN: 'k', ...env } },
      (_, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, stdout, stderr });
      },
    );
  });
}

describe('the command line', () => {
  it('shows its help without a yard', async () => {
    expect(await yard(['--help'], { YARD_URL: '' })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('yard up') as string,
      stderr: '',
    });
  });

  it('refuses unknown verbs and flags with 2 and what was probably meant', async () => {
    expect(await yard(['task', 'lst'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('Did you mean list?') as string,
    });
    expect(await yard(['task', 'list', '--stat', 'x'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean --state?') as string,
    });
    expect((await yard(['task', 'list', '-o', 'xml'])).code).toBe(2);
    expect((await yard(['run'])).code).toBe(2);
  });

  it('ends with the code of the refusal', async () => {
    expect(await yard(['task', 'get', '1'])).toMatchObject({
      code: 3,
      stdout: '',
      stderr: 'yard: not-found: there is no "1" here\n',
    });
    expect((await yard(['task', 'get', '2'])).code).toBe(4);
    expect((await yard(['task', 'get', '3'])).code).toBe(7);
    expect((await yard(['task', 'wait', '4', '--timeout', '10ms'])).code).toBe(124);
    expect((await yard(['queue', 'list'], { YARD_URL: 'http://127.0.0.1:1' })).code).toBe(6);
  });

  it('prints data on stdout in every form', async () => {
    expect((await yard(['queue', 'list'])).stdout).toBe(
      'NAME     STATE  READY  QUEUED  RUNNING  BACKING OFF\ndefault  open   3      1       2        0\n',
    );
    expect((await yard(['queue', 'list', '-o', 'name'])).stdout).toBe('default\n');
    expect(JSON.parse((await yard(['queue', 'list', '-o', 'json'])).stdout)).toMatchObject({
      items: [{ name: 'default' }],
    });
    expect((await yard(['queue', 'list', '-o', 'yaml'])).stdout).toContain('- name: default');
  });
});
