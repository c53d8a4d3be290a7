import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assignment, WorkerYard } from '@yardmaster/testkit';
import { afterEach, expect, it } from 'vitest';
import { Agent } from './agent.js';

const ATTEMPTS = 600;
/** Leases that a yard grants at once on two processors. */
const AT_ONCE = 8;

let dir: string;
let yard: WorkerYard;
let agent: Agent;

afterEach(async () => {
  await agent.stop();
  await yard.close();
  rmSync(dir, { recursive: true, force: true });
});

it('starts, ends and reports each attempt once at full speed (the rate is printed, not judged)', async () => {
  dir = mkdtempSync(join(tmpdir(), 'yard-rate-'));
  yard = await WorkerYard.open();
  agent = await Agent.start(
    {
      url: () => yard.url,
      token: () => 'yk_test',
      dir,
      name: 'rate',
      labels: {},
      resources: {},
      maxAttempts: 64,
      logCapBytes: 1_000,
    },
    () => undefined,
  );
  await yard.until(() => yard.joins.length > 0, 'the join');
  let sent = 0;
  const feed = (): boolean => {
    const batch = [];
    while (sent < ATTEMPTS && sent - yard.reports.length < AT_ONCE)
      batch.push(assignment(String(++sent), { run: { command: ['/bin/true'] } }));
    if (batch.length > 0) yard.run(batch);
    return yard.reports.length >= ATTEMPTS;
  };
  const began = performance.now();
  await yard.until(feed, 'all reports', 55_000);
  const rate = (ATTEMPTS / (performance.now() - began)) * 1_000;
  expect(new Set(yard.reports.map(([task]) => task)).size).toBe(ATTEMPTS);
  expect(yard.reports.filter((report) => report[3] !== 'ok')).toEqual([]);
  const xargsBegan = performance.now();
  execFileSync('sh', ['-c', `seq ${ATTEMPTS} | xargs -P2 -n1 /bin/true`]);
  const xargs = (ATTEMPTS / (performance.now() - xargsBegan)) * 1_000;
  console.log(
    `agent: ${rate.toFixed(0)} attempts/s, xargs -P2: ${xargs.toFixed(0)}/s, ratio ${(rate / xargs).toFixed(2)}`,
  );
}, 60_000);
