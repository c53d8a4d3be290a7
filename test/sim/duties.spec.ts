import {
  commands,
  eventVersions,
  FEATURE_LEVEL,
  telemetry,
  type AlertView,
  type BatcherCommand,
  type ClusterView,
  type GeneratorGrant,
  type Identity,
  type NodeHeartbeat,
  type NodeOrders,
  type QueueView,
  type Reply,
  type TokenGrant,
} from '@yardmaster/contracts';
import { QueueRole } from '@yardmaster/queue-manager';
import { hashKey } from '@yardmaster/ratelimiter';
import { afterEach, describe, expect, it } from 'vitest';
import { draft, handlerSpec, World, type WorldOptions } from './world.js';

let world: World;
afterEach(() => {
  world.stop();
});
const begin = async (options: WorldOptions = {}): Promise<void> => {
  world = new World({ partitions: 1, ...options });
  await world.start();
};
const valueOf = <T>(reply: Reply<T>): T => {
  if (!reply.ok) throw new Error(`${reply.rejection.code}: ${reply.rejection.detail}`);
  return reply.value;
};

describe('limits', () => {
  const ask = <T>(body: unknown): Promise<Reply<T>> => world.bus.request<T>(commands.limits, body);
  const firstKeys = [{ role: 'operator' as const, name: 'operator', key: 'yk_first', keyId: 'first' }];
  const limited = async (tasksPerHour: number): Promise<void> => {
    valueOf(
      await ask({
        op: 'put-subscription',
        subscription: { name: 'tiny', tasksPerHour, burstPerSecond: null, maxWaiting: null, weight: 1 },
      }),
    );
    expect(
      valueOf(await ask({ op: 'put-tenant', tenantName: 'acme', subscription: 'tiny', trusted: false })),
    ).toMatchObject({ n: 2 });
  };

  it('know the first keys from the start, once, over restarts', async () => {
    await begin({ firstKeys });
    await world.crash(() => true);
    expect(world.events('KeyCreated')).toHaveLength(1);
    expect(world.events('TenantCreated')).toHaveLength(1);
    expect(valueOf(await ask<Identity>({ op: 'authenticate', hash: hashKey('yk_first') }))).toMatchObject({
      tenant: 1,
      tenantName: 'default',
      role: 'operator',
      user: 1,
      tasksPerHour: null,
    });
    expect(await ask({ op: 'authenticate', hash: hashKey('yk_wrong') })).toMatchObject({
      ok: false,
      rejection: { code: 'unauthenticated' },
    });
  });

  it('make a key that works until it is revoked, and tell everybody of that', async () => {
    await begin({ firstKeys });
    const revoked: unknown[] = [];
    world.bus.subscribe(telemetry.keyRevoked, (body) => {
      revoked.push(body);
    });
    const made = valueOf(
      await ask<{ keyId: string; key: string; userId: number }>({
        op: 'create-key',
        tenantName: 'default',
        role: 'submitter',
        name: 'ci',
      }),
    );
    expect(made.userId).toBe(2);
    expect(JSON.stringify(world.events('KeyCreated'))).not.toContain(made.key);
    expect(valueOf(await ask<Identity>({ op: 'authenticate', hash: hashKey(made.key) }))).toMatchObject({
      keyId: made.keyId,
      role: 'submitter',
    });
    valueOf(await ask({ op: 'revoke-key', keyId: made.keyId }));
    await world.quiet();
    expect(revoked).toEqual([{ hash: hashKey(made.key) }]);
    expect((await ask({ op: 'authenticate', hash: hashKey(made.key) })).ok).toBe(false);
    expect(await ask({ op: 'revoke-key', keyId: made.keyId })).toMatchObject({
      ok: false,
      rejection: { code: 'not-found' },
    });
    expect(await ask({ op: 'create-key', tenantName: 'nobody', role: 'viewer', name: 'x' })).toMatchObject({
      ok: false,
      rejection: { code: 'not-found' },
    });
  });

  it('grant exactly the hourly limit, then refuse with the time to wait (I7)', async () => {
    await begin();
    await limited(5);
    const grant = (need: number): Promise<Reply<TokenGrant>> =>
      ask<TokenGrant>({ op: 'grant', tenant: 2, need, gateway: 'g' });
    const grants = [valueOf(await grant(2)), valueOf(await grant(2)), valueOf(await grant(1))];
    expect(grants.map(({ count, remaining }) => [count, remaining])).toEqual([
      [2, 3],
      [2, 1],
      [1, 0],
    ]);
    const refused = await grant(1);
    expect(refused).toMatchObject({
      ok: false,
      rejection: { code: 'rate-limit-exceeded', retryAfter: 3_610, extra: { limit: 5, remaining: 0 } },
    });
    expect(refused.ok ? '' : refused.rejection.detail).toContain('Limit exceeded');
    const tooMany = await grant(6);
    expect(tooMany).toMatchObject({ ok: false, rejection: { code: 'rate-limit-exceeded' } });
    expect(tooMany.ok ? 0 : tooMany.rejection.retryAfter).toBeUndefined();
    // The window is in the log: a restart forgets nothing of it.
    await world.crash(() => true);
    expect((await grant(1)).ok).toBe(false);
    await world.pass(3_610_000 - 1);
    expect((await grant(1)).ok).toBe(false);
    await world.pass(1);
    expect(valueOf(await grant(5)).count).toBe(5);
  });

  it('take back what was not used, once', async () => {
    await begin();
    await limited(5);
    const { block } = valueOf(await ask<TokenGrant>({ op: 'grant', tenant: 2, need: 5, gateway: 'g' }));
    for (const count of [2, 99, 99])
      valueOf(await ask({ op: 'give-back', tenant: 2, block, count, gateway: 'g' }));
    await world.quiet();
    expect(valueOf(await ask<TokenGrant>({ op: 'grant', tenant: 2, need: 5, gateway: 'g' })).count).toBe(5);
    expect((await ask({ op: 'grant', tenant: 2, need: 1, gateway: 'g' })).ok).toBe(false);
  });

  it('lease blocks where the limit is large, and ask nothing of a tenant without one', async () => {
    await begin();
    await limited(100_000);
    expect(valueOf(await ask<TokenGrant>({ op: 'grant', tenant: 2, need: 1, gateway: 'g' })).count).toBe(500);
    const before = world.events('TokensGranted').length;
    expect(valueOf(await ask<TokenGrant>({ op: 'grant', tenant: 1, need: 7, gateway: 'g' })).count).toBe(7);
    expect(world.events('TokensGranted')).toHaveLength(before);
    expect(await ask({ op: 'grant', tenant: 99, need: 1, gateway: 'g' })).toMatchObject({
      ok: false,
      rejection: { code: 'not-found' },
    });
  });
});

describe('ids', () => {
  it('of two holders never meet, and a lease is given when it is on disk', async () => {
    await begin();
    const lease = async (holder: string): Promise<GeneratorGrant> => {
      const [grant] = valueOf(
        await world.bus.request<GeneratorGrant[]>(commands.ids, { op: 'lease', partitions: [0], holder }),
      );
      if (grant === undefined) throw new Error('no grant');
      return grant;
    };
    const [a, b] = [await lease('a'), await lease('b')];
    expect(a.generator).not.toBe(b.generator);
    world.log.hold();
    let answered = false;
    void lease('c').then(() => {
      answered = true;
    });
    await world.quiet();
    expect(answered).toBe(false);
    world.log.release();
    await world.quiet();
    expect(answered).toBe(true);
  });

  it('are never made twice over restarts in the same millisecond', async () => {
    await begin();
    const ids = new Set<string>();
    for (let i = 0; i < 4; i++) {
      for (const id of (await world.admit(0, [draft('a'), draft('b')])).ids) {
        expect(ids.has(id)).toBe(false);
        ids.add(id);
      }
      await world.crash(() => true);
    }
  });
});

describe('the cluster manager', () => {
  const view = async (): Promise<ClusterView> =>
    valueOf(await world.bus.request<ClusterView>(commands.cluster, { op: 'view' }));

  it('founds an installation once and keeps its name', async () => {
    await begin();
    const { installation, partitions } = await view();
    expect([installation.length, partitions]).toEqual([36, 1]);
    await world.crash(() => true);
    expect((await view()).installation).toBe(installation);
  });

  it('knows the nodes that it hears, tells them what they are to have, and shows both', async () => {
    await begin();
    const orders: NodeOrders[] = [];
    world.bus.subscribe(commands.node('n7'), (body) => {
      orders.push(body as NodeOrders);
    });
    const beat = (more: Partial<NodeHeartbeat> = {}): void => {
      const heartbeat: NodeHeartbeat = {
        node: 'n7',
        incarnation: 'one',
        service: 'submitter',
        pid: 5,
        at: 1,
        level: FEATURE_LEVEL,
        reads: eventVersions(),
        offers: ['submitter/0'],
        isLeaving: false,
        roles: [],
        outranked: {},
        positions: { 'queue-main': 3 },
        ...more,
      };
      world.bus.publish(telemetry.heartbeats, heartbeat);
    };
    beat();
    await world.quiet();
    expect(orders.at(-1)).toMatchObject({ incarnation: 'one', isShared: false, roles: [['submitter/0', 1]] });
    expect((await view()).roles).toContainEqual({
      role: 'submitter/0',
      node: 'n7',
      epoch: 1,
      state: 'moving',
    });
    beat({ roles: [{ role: 'submitter/0', epoch: 4, state: 'active' }] });
    await world.quiet();
    await world.pass(500);
    expect(await view()).toMatchObject({
      level: FEATURE_LEVEL,
      nodes: [
        { node: 'n7', service: 'submitter', pid: 5, lastSeenMs: 500, state: 'up', roles: ['submitter/0'] },
      ],
    });
    expect((await view()).roles).toContainEqual({
      role: 'submitter/0',
      node: 'n7',
      epoch: 4,
      state: 'active',
    });
    // A new process of that name: what the old one had is free, and given above everything that was heard of.
    beat({ incarnation: 'two' });
    await world.quiet();
    expect(orders.at(-1)).toMatchObject({ incarnation: 'two', roles: [['submitter/0', 2]] });
    // Late words of the old one change nothing.
    beat({ roles: [{ role: 'submitter/0', epoch: 9, state: 'active' }] });
    await world.quiet();
    expect((await view()).nodes).toMatchObject([{ incarnation: 'two' }]);
    await world.crash(() => true);
    expect(world.events('RoleAssigned')).toHaveLength(2);
    expect((await view()).roles).toContainEqual({
      role: 'submitter/0',
      node: 'n7',
      epoch: 2,
      state: 'moving',
    });
  });
});

describe('the monitor', () => {
  const open = async (): Promise<string[]> =>
    valueOf(await world.bus.request<AlertView[]>(commands.monitor, { op: 'alerts' }))
      .filter((a) => a.clearedAt === null)
      .map((a) => a.id);
  const look = async (seconds: number, each: () => void = () => undefined): Promise<void> => {
    for (let i = 0; i < seconds; i += 2) {
      each();
      await world.pass(2_000);
    }
  };

  it('raises an alert with an action for a silent worker, keeps it while the worker is lost, and clears it when it is back', async () => {
    await begin({ monitor: true });
    const worker = world.worker();
    worker.join();
    await world.quiet();
    await look(10, () => {
      worker.heartbeat();
    });
    expect(await open()).toEqual([]);
    worker.isSilent = true;
    await look(20);
    expect(await open()).toEqual(['worker-unhealthy/w1']);
    expect(world.alerts).toEqual([
      {
        what: 'raised',
        id: 'worker-unhealthy/w1',
        action: expect.stringContaining('check the machine') as unknown,
      },
    ]);
    await look(30);
    expect(world.events('WorkerGone')).toHaveLength(1);
    expect(await open()).toEqual(['worker-unhealthy/w1']);
    worker.isSilent = false;
    worker.join();
    await world.quiet();
    await look(6, () => {
      worker.heartbeat();
    });
    expect(await open()).toEqual([]);
    expect(world.alerts.map(({ what }) => what)).toEqual(['raised', 'cleared']);
  });

  it('says nothing of a worker that left by itself', async () => {
    await begin({ monitor: true });
    const worker = world.worker();
    worker.join();
    await look(4);
    worker.leave();
    await look(10);
    expect(world.alerts).toEqual([]);
  });

  it('gives workers time to come back after a restart, then names those who did not', async () => {
    await begin({ monitor: true });
    world.worker().join();
    await world.quiet();
    await world.crash(() => true);
    await look(10);
    expect(await open()).toEqual([]);
    await look(10);
    expect(await open()).toEqual(['worker-unhealthy/w1']);
  });

  it('raises an alert for a service that is not heard any more', async () => {
    await begin({ monitor: true });
    const beat: NodeHeartbeat = {
      node: 'n7',
      incarnation: 'one',
      service: 'projector',
      pid: 5,
      at: 1,
      level: 1,
      reads: {},
      offers: [],
      isLeaving: false,
      roles: [],
      outranked: {},
      positions: {},
    };
    world.bus.publish(telemetry.heartbeats, beat);
    await world.quiet();
    await look(4);
    expect(await open()).toEqual([]);
    await look(6);
    expect(await open()).toEqual(['service-unhealthy/n7']);
    world.bus.publish(telemetry.heartbeats, { ...beat, at: 2 });
    await look(4);
    expect(await open()).toEqual([]);
  });

  it('raises an alert when nobody places tasks, and clears it when somebody does', async () => {
    await begin({ monitor: true });
    const gone = world.bus.serve(commands.leases(), () => ({
      ok: false,
      rejection: { code: 'unavailable', detail: 'down' },
    }));
    await look(12);
    expect(await open()).toEqual(['resource-manager-unhealthy/main']);
    expect(world.alerts[0]?.action).toContain('start a resource-manager');
    gone.stop();
  });

  it('raises an alert for tasks that wait with no worker, and for workers with nothing to do', async () => {
    await begin({ monitor: true });
    await world.admit(0, [draft('a')]);
    await look(64);
    expect(await open()).toEqual(['no-worker-fits/handler:noop']);
    const worker = world.worker();
    worker.join();
    await world.quiet();
    await look(8, () => {
      worker.heartbeat();
    });
    expect(await open()).toEqual([]);
    await look(606, () => {
      worker.heartbeat();
    });
    expect(await open()).toEqual(['capacity-idle/main']);
    await world.admit(0, [draft('b')]);
    worker.outcome = () => null;
    await world.admit(0, [draft('c')]);
    await look(4, () => {
      worker.heartbeat();
    });
    expect(await open()).toEqual([]);
  }, 20_000);

  it('keeps what it raised over a restart', async () => {
    await begin({ monitor: true });
    const worker = world.worker();
    worker.join();
    await look(4);
    worker.isSilent = true;
    await look(20);
    await world.crash(() => true);
    expect(await open()).toEqual(['worker-unhealthy/w1']);
  });
});

describe('the owner of tasks', () => {
  it("answers a cancel of what has ended with a conflict, an unknown id with not-found, and another tenant's as unknown", async () => {
    await begin();
    world.worker().join();
    await world.quiet();
    const {
      ids: [id = ''],
    } = await world.admit(0, [draft('a')]);
    expect(await world.cancel(0, id)).toMatchObject({ ok: false, rejection: { code: 'already-ended' } });
    expect(await world.cancel(0, '404')).toMatchObject({ ok: false, rejection: { code: 'not-found' } });
    expect(
      await world.bus.request(commands.tasks(0), { op: 'get', id, tenant: 2, waiter: null }),
    ).toMatchObject({ ok: false, rejection: { code: 'not-found' } });
  });

  it('lets an attempt that ended well win over a cancel that came after', async () => {
    await begin();
    const worker = world.worker();
    worker.outcome = () => null;
    worker.join();
    await world.quiet();
    const {
      ids: [id = ''],
    } = await world.admit(0, [draft('a')]);
    world.log.hold();
    worker.finish('ok');
    await world.quiet();
    const cancelled = world.cancel(0, id);
    await world.quiet();
    world.log.release();
    expect(await cancelled).toMatchObject({ ok: false, rejection: { code: 'already-ended' } });
    await world.quiet();
    expect((await world.task(0, id))?.state).toBe('succeeded');
  });

  it('tells waiting gateways of ends, once each', async () => {
    await begin();
    world.worker().join();
    await world.quiet();
    const told: unknown[] = [];
    world.bus.subscribe(telemetry.ends('gw'), (body) => {
      told.push(...(body as unknown[]));
    });
    const {
      ids: [lone = ''],
    } = await world.admit(0, [draft('a')], { waiter: 'gw' });
    const { workflow } = await world.admit(0, [draft('b'), draft('c', { parents: [0] })], {
      waiter: 'gw',
      workflow: { name: 'w', labels: null },
    });
    await world.quiet();
    expect(told).toEqual([
      [lone, 1, 'succeeded', { from: lone }, null, expect.any(Number)],
      [workflow, 1, 'succeeded', null, null, expect.any(Number)],
    ]);
  });

  it('acknowledges only what is on disk', async () => {
    await begin();
    await world.admit(0, [draft('first')]);
    world.log.hold();
    let reply: Reply<unknown> | null = null;
    void world.submit(0, [draft('a')]).then((r) => {
      reply = r;
    });
    await world.quiet();
    expect(reply).toBeNull();
    world.log.step('tasks-0');
    await world.quiet();
    expect(reply).toMatchObject({
      ok: true,
      value: { stream: 'tasks-0', seq: world.disk('tasks-0').at(-1)?.seq },
    });
  });

  it('cancels a whole workflow, running and waiting tasks alike', async () => {
    await begin();
    const worker = world.worker();
    worker.outcome = () => null;
    worker.join();
    await world.quiet();
    const { ids, workflow } = await world.admit(0, [draft('a'), draft('b', { parents: [0] }), draft('c')], {
      workflow: { name: 'w', labels: null },
    });
    expect(
      valueOf(
        await world.bus.request(commands.tasks(0), {
          op: 'cancel-workflow',
          id: workflow,
          tenant: 1,
          user: 1,
        }),
      ),
    ).toEqual({ id: workflow, cancelled: 3 });
    await world.quiet();
    expect(await Promise.all(ids.map(async (id) => (await world.task(0, id))?.state))).toEqual([
      'cancelled',
      'cancelled',
      'cancelled',
    ]);
    expect((await world.workflow(0, workflow ?? ''))?.state).toBe('cancelled');
  });

  it('admits a workflow larger than an envelope whole or not at all', async () => {
    await begin();
    await world.admit(0, [draft('first')]);
    const tasks = Array.from({ length: 4_500 }, (_, i) =>
      draft(`t${String(i)}`, {
        content: {
          ...draft('x').content,
          name: `t${String(i)}`,
          run: { ...draft('x').content.run, input: 'x'.repeat(100) },
        },
      }),
    );
    world.log.hold();
    let admitted = false;
    void world.submit(0, tasks, { workflow: { name: 'w', labels: null } }).then(({ ok }) => {
      admitted = ok;
    });
    await world.quiet();
    const parts = world.log.inFlight().filter(({ stream }) => stream === 'tasks-0').length;
    expect(parts).toBeGreaterThan(2);
    let kept = parts - 1;
    await world.crash((stream) => stream === 'tasks-0' && kept-- > 0);
    expect(admitted).toBe(false);
    expect(world.events('TaskSubmitted').length).toBeGreaterThan(1_000);
    expect(world.role(QueueRole).state.entries.size).toBe(1);
    const { ids } = await world.admit(0, tasks, { workflow: { name: 'w', labels: null } });
    await world.pass(1_000);
    expect(
      (await world.workflow(0, (await world.task(0, ids[0] ?? ''))?.workflow ?? ''))?.counts,
    ).toMatchObject({ queued: expect.any(Number) as unknown });
    await world.crash(() => true);
    expect((await world.task(0, ids[4_499] ?? ''))?.state).toBeDefined();
  }, 20_000);
});

describe('queues', () => {
  const list = async (): Promise<readonly QueueView[]> =>
    valueOf(await world.bus.request<QueueView[]>(commands.queue(), { op: 'list' }));

  it('that are paused hold back what waits, over a restart too', async () => {
    await begin();
    const worker = world.worker();
    worker.join();
    await world.quiet();
    valueOf(await world.bus.request(commands.queue(), { op: 'pause', queue: 'default', paused: true }));
    await world.admit(0, [draft('a')]);
    await world.crash(() => true);
    worker.join(world.bus);
    await world.pass(1_000);
    expect(worker.ran).toHaveLength(0);
    expect((await list()).find(({ name }) => name === 'default')).toMatchObject({ paused: true, visible: 1 });
    valueOf(await world.bus.request(commands.queue(), { op: 'pause', queue: 'default', paused: false }));
    await world.quiet();
    expect(worker.ran).toHaveLength(1);
  });

  it('flow at once after a restart: what was ready is pushed without waiting', async () => {
    await begin();
    await world.admit(0, [draft('first')]);
    world.log.hold();
    void world.submit(0, [draft('a')]);
    await world.quiet();
    await world.crash((stream) => stream === 'tasks-0');
    const worker = world.worker();
    worker.join();
    await world.quiet();
    expect(worker.ran).toHaveLength(2);
  });

  it('get what was lost on its way to them, also when the clock was an hour ahead and was set back', async () => {
    await begin({ apart: true });
    const { bus } = world;
    const publish = bus.publishBytes.bind(bus);
    bus.publishBytes = (subject, bytes) => {
      if (subject !== commands.queue()) publish(subject, bytes);
    };
    world.clock.advance(3_600_000);
    await world.admit(0, [draft('a')]);
    bus.publishBytes = publish;
    expect((await list()).find(({ name }) => name === 'default')?.visible).toBe(0);
    world.clock.advance(-3_600_000);
    await world.pass(1_000);
    expect((await list()).find(({ name }) => name === 'default')?.visible).toBe(1);
  });

  it('hold a little of everything, so that what no worker can take yet is seen', async () => {
    await begin();
    expect(
      valueOf(await world.bus.request(commands.batcher(), { op: 'depths' } satisfies BatcherCommand)),
    ).toEqual({});
    await world.admit(0, [draft('a'), draft('b')], { specs: [handlerSpec({ resources: { slots: 99 } })] });
    expect((await list()).find(({ name }) => name === 'default')?.visible).toBe(2);
  });
});
