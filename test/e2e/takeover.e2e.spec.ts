import { Worker, Yard, type ClusterResponse } from '@yardmaster/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kill, killTree, until } from '../support/processes.js';
import { readLogOf } from './log-of-yard.js';
import { startYard, type StartedYard } from './start-yard.js';

const LANES = 6;
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
  let yard: Yard;
  let worker: Worker;
  let ran: Promise<void>;
  const load = { acknowledged: new Set<string>(), refused: new Map<string, number>(), isOver: false };
  let lanes: Promise<void>[] = [];

  /** Submits one task after the other; what is acknowledged is noted, and how the rest was refused. */
  const lane = async (): Promise<void> => {
    while (!load.isOver) {
      try {
        load.acknowledged.add((await yard.tasks.submit({ name: 'noop', run: { handler: 'noop' } })).id);
      } catch (error) {
        const code = (error as { code?: string }).code ?? String(error);
        load.refused.set(code, (load.refused.get(code) ?? 0) + 1);
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
  /** Signals the owner of a role, and waits until another is the active owner. Returns the pid of the old one. */
  const lose = async (role: string, signal: NodeJS.Signals): Promise<number> => {
    const before = await whole();
    const had = before.roles.find((one) => one.role === role);
    const owner = before.nodes.find(({ node }) => node === had?.node);
    if (had === undefined || owner === undefined) throw new Error(`nobody has ${role}`);
    kill(owner.pid, signal);
    await until(
      `another owner of ${role}`,
      async () => {
        const now = (await view())?.roles.find((one) => one.role === role);
        return now !== undefined && now.epoch > had.epoch && now.state === 'active';
      },
      { withinMs: TAKEOVER_PATIENCE_MS },
    );
    const accepted = load.acknowledged.size;
    await until('acceptances', () => load.acknowledged.size > accepted + LANES);
    return owner.pid;
  };

  beforeAll(async () => {
    started = await startYard({
      composition: 'apart',
      args: ['--replicas', '2', '--restart-after', String(RESTART_AFTER_S)],
    });
    yard = new Yard({ url: started.url, token: started.token });
    worker = new Worker({
      url: started.url,
      token: started.token,
      name: 'survivor',
      concurrency: 100,
      handlers: { noop: () => null },
    });
    ran = worker.run();
    lanes = Array.from({ length: LANES }, lane);
  }, 300_000);
  afterAll(async () => {
    load.isOver = true;
    await worker?.stop({ withinMs: 1_000 }).catch(() => undefined);
    await ran?.catch(() => undefined);
    await yard?.close();
    if (started === undefined) return;
    await started.stop({ keep: true });
    await killTree(started.home);
  });

  it.each(ROLES)('go on when the owner of %s is killed', async (role) => {
    await lose(role, 'SIGKILL');
  });

  it('go on when a gateway is killed and comes back', async () => {
    const gateway = (await whole()).nodes.find(({ node }) => node === 'gateway-1');
    kill(gateway?.pid ?? 0, 'SIGKILL');
    await until(
      'the gateway',
      async () => (await view())?.nodes.some((n) => n.node === 'gateway-1' && n.pid !== gateway?.pid),
      {
        withinMs: 60_000,
      },
    );
  });

  it('go on when an owner is stopped, and it finds out when it wakes', async () => {
    const pid = await lose('resources/main', 'SIGSTOP');
    kill(pid, 'SIGCONT');
    await until('its finding out', async () => {
      const woken = (await view())?.nodes.find((one) => one.pid === pid);
      return woken?.state === 'up' && woken.roles.length === 0;
    });
  });

  it('go on when an owner is drained', async () => {
    await lose('queue/main', 'SIGTERM');
  });

  it('have ended every acknowledged task exactly once, as the event log says', async () => {
    await whole();
    load.isOver = true;
    await Promise.all(lanes);
    expect(load.acknowledged.size).toBeGreaterThan(500);
    // Whoever was refused was told to try again.
    expect(
      [...load.refused.keys()].filter(
        (code) => !['unavailable', 'outcome-unknown', 'ECONNREFUSED'].includes(code),
      ),
    ).toEqual([]);
    const ends = await until(
      'the ends',
      async () => {
        const found = (await readLogOf(started.home)).ends;
        return [...load.acknowledged].every((id) => found.has(id)) ? found : null;
      },
      { withinMs: 120_000, everyMs: 2_000 },
    );
    const wrong = [...load.acknowledged].filter((id) => ends.get(id)?.join() !== 'TaskSucceeded');
    expect(wrong).toEqual([]);
  }, 240_000);
});
