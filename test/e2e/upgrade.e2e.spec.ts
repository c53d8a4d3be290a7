import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker, Yard, type ClusterResponse } from '@yardmaster/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kill, killTree, until } from '../support/processes.js';
import { readLogOf } from './log-of-yard.js';
import { startYard, type StartedYard } from './start-yard.js';

/** A checkout of an older version, built, which the first process of each service runs from; else the same code at the level before. */
const BEFORE = process.env['YARD_E2E_BEFORE'];
const LANES = 4;
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
  const load = { acknowledged: new Set<string>(), refused: new Set<string>(), isOver: false };
  let started: StartedYard;
  let yard: Yard;
  let worker: Worker;
  let ran: Promise<void>;
  let lanes: Promise<void>[] = [];

  const lane = async (): Promise<void> => {
    while (!load.isOver) {
      try {
        load.acknowledged.add((await yard.tasks.submit({ name: 'noop', run: { handler: 'noop' } })).id);
      } catch (error) {
        load.refused.add((error as { code?: string }).code ?? String(error));
      }
    }
  };
  const view = (): Promise<ClusterResponse | null> => yard.cluster().catch(() => null);
  const whole = (): Promise<ClusterResponse> =>
    until(
      'a whole cluster',
      async () => {
        const seen = await view();
        const isWhole =
          seen !== null &&
          seen.nodes.filter(({ state }) => state === 'up').length >= 18 &&
          seen.roles.every(({ state }) => state === 'active');
        return isWhole ? seen : null;
      },
      { withinMs: 120_000, everyMs: 250 },
    );
  /** Kills whoever has the role, until it has gone from a process of one version to one of the other. Returns its new owner's level. */
  const hand = async (role: string): Promise<number> => {
    const before = await whole();
    const had = before.roles.find((one) => one.role === role);
    const owner = before.nodes.find(({ node }) => node === had?.node);
    if (had === undefined || owner === undefined) throw new Error(`nobody has ${role}`);
    kill(owner.pid, 'SIGKILL');
    const now = await until(
      `another owner of ${role}`,
      async () => {
        const seen = await view();
        const one = seen?.roles.find((of) => of.role === role);
        if (one === undefined || one.epoch <= had.epoch || one.state !== 'active') return null;
        return seen?.nodes.find(({ node }) => node === one.node) ?? null;
      },
      { withinMs: TAKEOVER_PATIENCE_MS },
    );
    const accepted = load.acknowledged.size;
    await until('acceptances', () => load.acknowledged.size > accepted + LANES);
    return now.level;
  };

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
    yard = new Yard({ url: started.url, token: started.token });
    worker = new Worker({
      url: started.url,
      token: started.token,
      name: 'survivor',
      concurrency: 50,
      handlers: { noop: () => null },
    });
    ran = worker.run();
    lanes = Array.from({ length: LANES }, lane);
  }, 400_000);
  afterAll(async () => {
    load.isOver = true;
    await worker?.stop({ withinMs: 1_000 }).catch(() => undefined);
    await ran?.catch(() => undefined);
    await yard?.close();
    await started?.stop({ keep: true });
    await killTree(home);
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  it.each(ROLES)(
    'hand %s to each other, there and back',
    async (role) => {
      const { level, nodes } = await whole();
      expect(level).toBe(1);
      expect(new Set(nodes.map((node) => node.level))).toEqual(new Set([1, 2]));
      const owner = nodes.find(({ roles }) => roles.includes(role));
      const levels = [owner?.level ?? 0];
      // Whoever starts again in time may have it back itself.
      while (levels.length < 10 && !(levels.join().includes('1,2') && levels.join().includes('2,1')))
        levels.push(await hand(role));
      expect(levels.join()).toContain('1,2');
      expect(levels.join()).toContain('2,1');
    },
    300_000,
  );

  it('work at the level of the older one, which reads every word, and are not raised while it is there', async () => {
    await whole();
    // The second gateway is of the new version.
    const other = new Yard({
      url: /more gateways: (\S+)/.exec(started.output())?.[1] ?? '',
      token: started.token,
    });
    const raise = other.call({ method: 'POST', path: '/v1/admin/feature-level', repeatable: true });
    await expect(raise).rejects.toMatchObject({ code: 'conflict' });
    await other.close();
    load.isOver = true;
    await Promise.all(lanes);
    expect(load.acknowledged.size).toBeGreaterThan(200);
    expect(
      [...load.refused].filter((code) => !['unavailable', 'outcome-unknown', 'ECONNREFUSED'].includes(code)),
    ).toEqual([]);
    const { ends, versions } = await until(
      'the ends',
      async () => {
        const found = await readLogOf(home);
        return [...load.acknowledged].every((id) => found.ends.has(id)) ? found : null;
      },
      { withinMs: 120_000, everyMs: 2_000 },
    );
    expect([...load.acknowledged].filter((id) => ends.get(id)?.join() !== 'TaskSucceeded')).toEqual([]);
    expect(versions).toEqual(new Set([1]));
  }, 300_000);

  it('are raised when all are new, and write by it from then on', async () => {
    await started.stop({ keep: true });
    started = await startYard({ home, composition: 'apart', args: ['--replicas', '1'] });
    await yard.close();
    yard = new Yard({ url: started.url, token: started.token });
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
    }
  }, 300_000);
});
