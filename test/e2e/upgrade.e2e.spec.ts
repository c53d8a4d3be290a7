import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker, Yard, type ClusterResponse } from '@yardmaster/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { killTree, until } from '../support/processes.js';
import { ClusterUnderLoad } from './cluster-under-load.js';
import { readLogOf } from './log-of-yard.js';
import { startYard, type StartedYard } from './start-yard.js';

/** A checkout of an older version, built, which the first process of each service runs from; else the same code at the level before. */
const BEFORE = process.env['YARD_E2E_BEFORE'];
const EVERY_ROLE = [
  'submitter/0',
  'ids',
  'batcher/main',
  'queue/main',
  'resources/main',
  'project/relational',
];
/** All of them take minutes: they are for a real older build. */
const ROLES = BEFORE === undefined ? ['submitter/0', 'resources/main'] : EVERY_ROLE;
const TAKEOVER_PATIENCE_MS = 60_000;
const RESTART_AFTER_S = 8;

describe('services of two versions', () => {
  const home = mkdtempSync(path.join(tmpdir(), 'yard-upgrade-'));
  const older = BEFORE === undefined ? [] : ['--from', BEFORE];
  let started: StartedYard;
  let cluster: ClusterUnderLoad;

  beforeAll(async () => {
    // Founded by the version before, at its level.
    const first = await startYard({
      home,
      composition: 'apart',
      args: ['--replicas', '1', '--levels', '1', ...older],
    });
    await first.stop({ keep: true });
    started = await startYard({
      home,
      composition: 'apart',
      args: ['--replicas', '2', '--levels', '1,2', '--restart-after', String(RESTART_AFTER_S), ...older],
    });
    cluster = new ClusterUnderLoad(started, { lanes: 4, concurrency: 50 });
    cluster.start();
  }, 400_000);
  afterAll(async () => {
    await cluster?.stop();
    await started?.stop({ keep: true });
    await killTree(home);
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  it.each(ROLES)(
    'hand %s to each other, there and back',
    async (role) => {
      const { level, nodes } = await cluster.whole();
      expect(level).toBe(1);
      expect(new Set(nodes.map((node) => node.level))).toEqual(new Set([1, 2]));
      const owner = nodes.find(({ roles }) => roles.includes(role));
      const levels = [owner?.level ?? 0];
      // Whoever starts again in time may have it back itself.
      while (levels.length < 10 && !(levels.join().includes('1,2') && levels.join().includes('2,1')))
        levels.push((await cluster.lose(role, 'SIGKILL', TAKEOVER_PATIENCE_MS)).after.level);
      expect(levels.join()).toContain('1,2');
      expect(levels.join()).toContain('2,1');
    },
    300_000,
  );

  it('work at the level of the older one, which reads every word, and are not raised while it is there', async () => {
    await cluster.whole();
    // The second gateway is of the new version.
    const other = new Yard({
      url: /more gateways: (\S+)/.exec(started.output())?.[1] ?? '',
      token: started.token,
    });
    const raise = other.call({ method: 'POST', path: '/v1/admin/feature-level', repeatable: true });
    await expect(raise).rejects.toMatchObject({ code: 'conflict' });
    await other.close();
    await cluster.finish();
    expect(cluster.acknowledged.size).toBeGreaterThan(200);
    expect(cluster.refusedForGood).toEqual([]);
    const { log, wrong } = await cluster.ended(home);
    expect(wrong).toEqual([]);
    expect(log.versions).toEqual(new Set([1]));
  }, 300_000);

  it('are raised when all are new, and write by it from then on', async () => {
    await started.stop({ keep: true });
    started = await startYard({ home, composition: 'apart', args: ['--replicas', '1'] });
    const yard = new Yard({ url: started.url, token: started.token });
    const raised = await until(
      'the raise',
      () =>
        yard
          .call<ClusterResponse>({ method: 'POST', path: '/v1/admin/feature-level', repeatable: true })
          .catch(() => null),
      { withinMs: 60_000, everyMs: 500 },
    );
    expect(raised.level).toBe(2);
    const again = new Worker({
      url: started.url,
      token: started.token,
      name: 'second',
      concurrency: 5,
      handlers: { noop: () => null },
    });
    const running = again.run();
    try {
      await (await yard.tasks.submit({ name: 'after', run: { handler: 'noop' } })).result({ timeout: '60s' });
      expect((await readLogOf(home)).versions).toEqual(new Set([1, 2]));
    } finally {
      await again.stop({ withinMs: 1_000 });
      await running;
      await yard.close();
    }
  }, 300_000);
});
