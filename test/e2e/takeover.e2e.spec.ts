import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kill, killTree, until } from '../support/processes.js';
import { ClusterUnderLoad } from './cluster-under-load.js';
import { startYard, type StartedYard } from './start-yard.js';

/** What is promised for accepting again is 10 s; on a busy machine a test waits longer before it gives up. */
const TAKEOVER_PATIENCE_MS = 40_000;
/** A killed process is back when its roles are with another. */
const RESTART_AFTER_S = 8;
/** One role of each service that has any. */
const ROLES = [
  'submitter/0',
  'limits',
  'ids',
  'batcher/main',
  'queue/main',
  'resources/main',
  'monitor',
  'project/relational',
];

describe('two of every service', () => {
  let started: StartedYard;
  let cluster: ClusterUnderLoad;

  beforeAll(async () => {
    started = await startYard({
      composition: 'apart',
      args: ['--replicas', '2', '--restart-after', String(RESTART_AFTER_S)],
    });
    cluster = new ClusterUnderLoad(started, { lanes: 6, concurrency: 100 });
    cluster.start();
  }, 300_000);
  afterAll(async () => {
    await cluster?.stop();
    if (started === undefined) return;
    await started.stop({ keep: true });
    await killTree(started.home);
  });

  it.each(ROLES)('go on when the owner of %s is killed', async (role) => {
    await cluster.lose(role, 'SIGKILL', TAKEOVER_PATIENCE_MS);
  });

  it('go on when a gateway is killed and comes back', async () => {
    const gateway = (await cluster.whole()).nodes.find(({ node }) => node === 'gateway-1');
    kill(gateway?.pid ?? 0, 'SIGKILL');
    await until(
      'the gateway',
      async () => (await cluster.view())?.nodes.some((n) => n.node === 'gateway-1' && n.pid !== gateway?.pid),
      {
        withinMs: 60_000,
      },
    );
  });

  it('go on when an owner is stopped, and it finds out when it wakes', async () => {
    const { pid } = (await cluster.lose('resources/main', 'SIGSTOP', TAKEOVER_PATIENCE_MS)).before;
    kill(pid, 'SIGCONT');
    await until('its finding out', async () => {
      const woken = (await cluster.view())?.nodes.find((one) => one.pid === pid);
      return woken?.state === 'up' && woken.roles.length === 0;
    });
  });

  it('go on when an owner is drained', async () => {
    await cluster.lose('queue/main', 'SIGTERM', TAKEOVER_PATIENCE_MS);
  });

  it('have ended every acknowledged task exactly once, as the event log says', async () => {
    await cluster.whole();
    await cluster.finish();
    expect(cluster.acknowledged.size).toBeGreaterThan(500);
    expect(cluster.refusedForGood).toEqual([]);
    expect((await cluster.ended(started.home)).wrong).toEqual([]);
  }, 240_000);
});
