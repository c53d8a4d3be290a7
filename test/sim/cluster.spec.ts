import {
  allStreams,
  commands,
  eventSubject,
  FEATURE_LEVEL,
  telemetry,
  unpack,
  type ClusterCommand,
  type ClusterView,
  type NodeHeartbeat,
  type Reply,
} from '@yardmaster/contracts';
import { MemoryLogWorld, MemorySeats } from '@yardmaster/eventlog-memory';
import { IdsRole } from '@yardmaster/idgen';
import { QueueRole } from '@yardmaster/queue-manager';
import {
  type Bus,
  ClusterLevel,
  ClusterNode,
  CommittedHub,
  RoleHost,
  RoleRegistry,
} from '@yardmaster/service-kit';
import { ClusterRole, NodeRoster } from '@yardmaster/submitter';
import type { Seat } from '@yardmaster/ports';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LocalBus } from './local-bus.js';
import { TestClock } from './world.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
});
let yard: Nodes;
afterEach(() => {
  yard.stop();
  vi.useRealTimers();
});

/** A process's end of the bus, which a dead or stopped process does not use any more. */
function cuttable(bus: LocalBus): Bus & { isCut: boolean } {
  const end = {
    isCut: false,
    request: bus.request.bind(bus),
    requestBytes: bus.requestBytes.bind(bus),
    publish: (subject: string, body: unknown) => {
      if (!end.isCut) bus.publish(subject, body);
    },
    publishBytes: (subject: string, body: Uint8Array) => {
      if (!end.isCut) bus.publishBytes(subject, body);
    },
    subscribe: (subject: string, onMessage: (body: unknown, of: string) => void) =>
      bus.subscribe(subject, (body, of) => {
        if (!end.isCut) onMessage(body, of);
      }),
    serve: bus.serve.bind(bus),
  };
  return end;
}

/** The broker's answer does not come while the process is cut off. */
function reachable(seat: Seat, end: { readonly isCut: boolean }): Seat {
  const asked = <T>(ask: () => Promise<T>): Promise<T> =>
    end.isCut ? Promise.reject(new Error('no answer')) : ask();
  return {
    claim: () => asked(() => seat.claim()),
    renew: () => asked(() => seat.renew()),
    leave: () => asked(() => seat.leave()),
  };
}

interface One {
  readonly name: string;
  readonly node: ClusterNode;
  readonly host: RoleHost;
  readonly bus: { isCut: boolean };
}

/** Processes that make a cluster by themselves: manager, ids and two queues' worth of roles, over one log in memory. */
class Nodes {
  readonly log = new MemoryLogWorld();
  readonly clock = new TestClock();
  readonly bus = new LocalBus();
  readonly seats = new MemorySeats(() => this.clock.monotonic());
  readonly all: One[] = [];

  async open(name: string, incarnation = '1', own = FEATURE_LEVEL): Promise<One> {
    const { clock } = this;
    const bus = cuttable(this.bus);
    const log = this.log.open();
    await log.ensure(
      allStreams(1).map((stream) => ({ name: stream, subject: eventSubject(stream), maxBytes: null })),
    );
    const level = new ClusterLevel(own);
    const registry = new RoleRegistry();
    const roster = new NodeRoster(clock);
    bus.subscribe(telemetry.heartbeats, (beat) => {
      roster.heard(beat as NodeHeartbeat);
    });
    registry.offer('cluster', () => new ClusterRole(1, roster, own));
    registry.offer('ids', () => new IdsRole());
    registry.offer('queue/main', () => new QueueRole(1));
    const keystore = { keyOf: () => new Uint8Array(32) };
    const host = new RoleHost({
      node: name,
      log,
      keystore,
      bus,
      hub: new CommittedHub(log, keystore, () => undefined),
      clock,
      offers: registry.roles,
      level: () => level.now,
      handOver: 'proposed',
      isShared: () => node.isShared,
      onChange: () => {
        node.changed();
      },
    });
    const node: ClusterNode = new ClusterNode({
      node: name,
      service: 'all',
      incarnation,
      bus,
      clock,
      level,
      registry,
      host,
      openSeat: (holder) => Promise.resolve(reachable(this.seats.open(holder), bus)),
      isWhole: false,
      onFailure: () => undefined,
    });
    const one = { name, node, host, bus };
    this.all.push(one);
    void node.start();
    await this.pass(0);
    return one;
  }

  /** kill -9: nothing is said any more. */
  kill({ host, bus }: One): void {
    bus.isCut = true;
    host.stop();
  }

  async pass(ms: number): Promise<void> {
    for (let at = 0; at <= ms; at += 250) {
      if (at > 0) {
        this.clock.advance(250);
        vi.advanceTimersByTime(250);
      }
      for (let i = 0; i < 12; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        await this.log.settled();
      }
    }
  }

  async view(): Promise<ClusterView> {
    const reply = await this.bus.request<ClusterView>(commands.cluster, { op: 'view' });
    if (!reply.ok) throw new Error(reply.rejection.detail);
    return reply.value;
  }

  async raise(): Promise<Reply<ClusterView>> {
    const command: ClusterCommand = { op: 'raise-level' };
    return await this.bus.request<ClusterView>(commands.cluster, command);
  }

  /** Versions of the envelopes that are on disk. */
  versions(): Set<unknown> {
    return new Set(
      allStreams(1).flatMap((stream) =>
        this.log.stored(stream).map(({ data }) => (unpack(data) as unknown[])[0]),
      ),
    );
  }

  /** Role -> node of those that are active. */
  async owners(): Promise<Record<string, string>> {
    const { roles } = await this.view();
    return Object.fromEntries(
      roles.filter(({ state }) => state === 'active').map(({ role, node }) => [role, node ?? '']),
    );
  }

  stop(): void {
    for (const { host, bus } of this.all) {
      bus.isCut = true;
      host.stop();
    }
  }
}

describe('nodes that make a cluster', () => {
  it('come up by themselves, spread the roles, and each has what the manager says', async () => {
    yard = new Nodes();
    const a = await yard.open('a');
    await yard.pass(0);
    expect(await yard.owners()).toEqual({ cluster: 'a', ids: 'a', 'queue/main': 'a' });
    await yard.open('b');
    await yard.pass(5_000);
    // One of a kind each: nothing is spread more evenly by moving it.
    expect(await yard.owners()).toEqual({ cluster: 'a', ids: 'a', 'queue/main': 'a' });
    expect(a.node.isShared).toBe(true);
  });

  it('go on without the manager: another takes its seat, and what it had', async () => {
    yard = new Nodes();
    const a = await yard.open('a');
    await yard.open('b');
    await yard.pass(2_000);
    yard.kill(a);
    await yard.pass(6_500);
    expect(await yard.owners()).toEqual({ cluster: 'b', ids: 'b', 'queue/main': 'b' });
    expect((await yard.view()).roles.map(({ epoch }) => epoch)).toEqual([2, 2, 2]);
    expect((await yard.view()).nodes.find(({ node }) => node === 'a')).toMatchObject({
      state: 'silent',
      roles: [],
    });
  });

  it('wait for nobody when a process starts again under its name', async () => {
    yard = new Nodes();
    yard.kill(await yard.open('a'));
    await yard.open('a', '2');
    await yard.pass(250);
    expect(await yard.owners()).toEqual({ cluster: 'a', ids: 'a', 'queue/main': 'a' });
    expect((await yard.view()).roles.map(({ epoch }) => epoch)).toEqual([2, 2, 2]);
  });

  it('hand over at once when one leaves in order', async () => {
    yard = new Nodes();
    const a = await yard.open('a');
    await yard.open('b');
    await yard.pass(2_000);
    void a.node.stop();
    await yard.pass(1_500);
    expect(await yard.owners()).toEqual({ cluster: 'b', ids: 'b', 'queue/main': 'b' });
  });

  it('of two versions take over from each other until the level is raised, and the older ones read every word till then', async () => {
    yard = new Nodes();
    const old = await yard.open('a', '1', 1);
    const young = await yard.open('b', '1', 2);
    await yard.pass(2_000);
    expect(await yard.view()).toMatchObject({ level: 1, nodes: [{ level: 1 }, { level: 2 }] });
    yard.kill(old);
    await yard.pass(6_500);
    expect(await yard.owners()).toEqual({ cluster: 'b', ids: 'b', 'queue/main': 'b' });
    await yard.open('a', '2', 1);
    await yard.pass(2_000);
    expect(await yard.raise()).toMatchObject({ ok: false, rejection: { code: 'conflict' } });
    yard.kill(young);
    await yard.pass(6_500);
    expect(await yard.owners()).toEqual({ cluster: 'a', ids: 'a', 'queue/main': 'a' });
    expect(yard.versions()).toEqual(new Set([1]));
    expect((await yard.view()).level).toBe(1);
  });

  it('raise the level when told and all can, write by it, and leave out who comes with less, also from the seat', async () => {
    yard = new Nodes();
    const old = await yard.open('a', '1', 1);
    const young = await yard.open('b', '1', 2);
    await yard.pass(2_000);
    void old.node.stop();
    await yard.pass(2_000);
    expect(await yard.raise()).toMatchObject({ ok: true, value: { level: 2 } });
    expect(yard.versions()).toEqual(new Set([1]));
    await yard.pass(1_000);
    await yard.open('c', '1', 1);
    await yard.pass(2_000);
    // The event that tells of it was the last for everybody to read.
    expect(yard.versions()).toEqual(new Set([1, 2]));
    await yard.open('d', '1', 2);
    await yard.pass(2_000);
    yard.kill(young);
    await yard.pass(8_000);
    expect(await yard.owners()).toEqual({ cluster: 'd', ids: 'd', 'queue/main': 'd' });
  });

  it('are founded at the level of the first', async () => {
    yard = new Nodes();
    await yard.open('a');
    await yard.pass(500);
    expect((await yard.view()).level).toBe(FEATURE_LEVEL);
  });

  it('that slept are told what is theirs: nothing of what others have now', async () => {
    yard = new Nodes();
    const a = await yard.open('a');
    await yard.open('b');
    await yard.pass(2_000);
    a.bus.isCut = true;
    await yard.pass(6_500);
    const seen = await yard.owners();
    a.bus.isCut = false;
    await yard.pass(5_000);
    expect(await yard.owners()).toEqual(seen);
    const held = new Set(yard.all.flatMap(({ host }) => host.status().map(({ role }) => role)));
    const claims = yard.all.flatMap(({ host }) => host.status()).length;
    expect(claims).toBe(held.size);
  });
});
