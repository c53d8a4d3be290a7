import { BatcherRole } from '@yardmaster/batcher';
import { commands } from '@yardmaster/contracts';
import type { Outcome } from '@yardmaster/domain';
import { QueueRole } from '@yardmaster/queue-manager';
import { ResourcesRole } from '@yardmaster/resource-manager';
import fc from 'fast-check';
import { expect, vi } from 'vitest';
import type { FakeWorker } from './fake-worker.js';
import { faultsOf, faultsOfEnds, faultsOfRun } from '../checkers/index.js';
import { packRoles } from './pack-roles.js';
import { differences } from './state-dump.js';
import { draft, handlerSpec, World, type WorldOptions } from './world.js';

/** What may happen to a cell, in any order. */
export type Step =
  | {
      readonly do: 'submit';
      readonly p: number;
      readonly parents: readonly (readonly number[])[];
      readonly spec: number;
      readonly dueInMs: number | null;
      readonly as: 'lone' | 'workflow';
    }
  | { readonly do: 'needs'; readonly nth: number }
  | { readonly do: 'cancel'; readonly nth: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'finish'; readonly worker: number; readonly outcome: Outcome }
  | { readonly do: 'rejoin' | 'restart' | 'vanish' | 'beat' | 'leave'; readonly worker: number }
  | { readonly do: 'pause'; readonly paused: boolean }
  | { readonly do: 'cordon'; readonly worker: number; readonly cordoned: boolean }
  | { readonly do: 'hold' }
  | { readonly do: 'let'; readonly n: number; readonly stream: number }
  | { readonly do: 'crash'; readonly keep: readonly number[] }
  | { readonly do: 'crash-one'; readonly process: number; readonly keep: readonly number[] }
  | {
      readonly do: 'fault';
      readonly fault: 'lose-answer' | 'refuse' | 'unresolved-stored' | 'unresolved-dropped';
      readonly after: number;
    };

const worker = fc.nat(1);
const parents = fc.array(fc.nat(5), { maxLength: 2 });
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      p: fc.nat(1),
      parents: fc.array(parents, { minLength: 1, maxLength: 4 }),
      spec: fc.nat(2),
      dueInMs: fc.option(fc.nat(3_000), { freq: 4 }),
      as: fc.constantFrom('lone' as const, 'workflow' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('needs' as const), nth: fc.nat(50) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), nth: fc.nat(50) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(100, 1_000, 3_000, 12_000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('finish' as const),
      worker,
      outcome: fc.constantFrom<Outcome>(
        'ok',
        'ok',
        'app',
        'permanent',
        'lost',
        'infra',
        'cancelled',
        'drained',
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'rejoin' as const,
        'restart' as const,
        'vanish' as const,
        'beat' as const,
        'beat' as const,
        'leave' as const,
      ),
      worker,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), paused: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cordon' as const), worker, cordoned: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('hold' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('let' as const),
      n: fc.integer({ min: 1, max: 6 }),
      stream: fc.nat(4),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      keep: fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('crash-one' as const),
      process: fc.nat(9),
      keep: fc.array(fc.nat(3), { minLength: 8, maxLength: 8 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      fault: fc.constantFrom(
        'lose-answer' as const,
        'refuse' as const,
        'unresolved-stored' as const,
        'unresolved-dropped' as const,
      ),
      after: fc.nat(6),
    }),
  },
);

/** A cell with two workers, to which one thing after the other happens. Timers have to be fake: a host that begins again waits a little. */
export class History {
  readonly world: World;
  readonly acknowledged: { p: number; id: string }[] = [];
  readonly faults: string[] = [];
  readonly workers: FakeWorker[] = [];
  readonly outcomes: Outcome[];
  #incarnations = 0;

  constructor(options: WorldOptions, outcomes: readonly Outcome[]) {
    this.world = new World({ partitions: 2, ...options });
    this.outcomes = [...outcomes];
  }

  async start(): Promise<void> {
    await this.world.start();
    for (const n of [0, 1]) this.newWorker(n).join();
    await this.world.quiet(6);
  }

  newWorker(n: number): FakeWorker {
    const { world } = this;
    const old = this.workers[n];
    if (old !== undefined) old.isSilent = true;
    const fresh = world.worker(
      `w${String(n)}`,
      { capacity: { slots: 2 + n } },
      1,
      `i${String(++this.#incarnations)}`,
    );
    let began = 0;
    fresh.outcome = () => (++began % 3 === 0 ? null : (this.outcomes[began % this.outcomes.length] ?? 'ok'));
    fresh.onRun = ([task, attempt, fence]) => {
      this.faults.push(...faultsOfRun(world, task, attempt, fence));
    };
    this.workers[n] = fresh;
    return fresh;
  }

  async take(one: Step): Promise<void> {
    const { world } = this;
    switch (one.do) {
      case 'submit': {
        const specs = [handlerSpec({ retry: RETRY, ...SPECS[one.spec] })];
        const dueAt = one.dueInMs === null ? null : world.clock.now() + one.dueInMs;
        const tasks = one.parents.map((of, i) =>
          draft(`t${String(i)}`, { dueAt, parents: one.as === 'lone' ? [] : of.filter((j) => j < i) }),
        );
        this.note(
          one.p,
          world.submit(one.p, tasks, {
            specs,
            workflow: one.as === 'lone' ? null : { name: 'w', labels: null },
          }),
        );
        break;
      }
      case 'needs': {
        const parent = this.nth(one.nth);
        if (parent !== null)
          this.note(
            parent.p,
            world.submit(parent.p, [draft('n', { needs: [parent.id, parent.id] })], {
              specs: [handlerSpec({ retry: RETRY })],
            }),
          );
        break;
      }
      case 'cancel': {
        const task = this.nth(one.nth);
        if (task !== null) void world.cancel(task.p, task.id);
        break;
      }
      case 'pass':
        world.clock.advance(one.ms);
        world.touch();
        break;
      case 'finish':
        this.workers[one.worker]?.finish(one.outcome);
        break;
      case 'rejoin':
        this.workers[one.worker]?.join(world.bus);
        break;
      case 'restart':
        this.newWorker(one.worker).join();
        break;
      case 'vanish': {
        const gone = this.workers[one.worker];
        if (gone !== undefined) gone.isSilent = true;
        break;
      }
      case 'beat':
        this.workers[one.worker]?.heartbeat();
        break;
      case 'leave':
        this.workers[one.worker]?.leave();
        break;
      case 'pause':
        void world.bus.request(commands.queue(), { op: 'pause', queue: 'default', paused: one.paused });
        break;
      case 'cordon':
        void world.bus.request(commands.leases(), {
          op: 'cordon',
          worker: `w${String(one.worker)}`,
          cordoned: one.cordoned,
        });
        break;
      case 'hold':
        world.log.hold();
        break;
      case 'let': {
        const streams = [undefined, 'tasks-0', 'tasks-1', 'queue-main', 'leases-main'];
        for (let i = 0; i < one.n; i++) world.log.step(streams[one.stream]);
        break;
      }
      case 'crash-one': {
        world.log.onPublish = null;
        // Its takeover has to reach the disk before it is back.
        const restarted = world.crashOne(one.process % world.processes, keeping(world, one.keep));
        world.log.release();
        await restarted;
        break;
      }
      case 'crash': {
        world.log.onPublish = null;
        await world.crash(keeping(world, one.keep));
        for (const w of this.workers) w.join(world.bus);
        break;
      }
      case 'fault': {
        let n = one.after;
        world.log.onPublish = () => (n-- === 0 ? one.fault : undefined);
        break;
      }
    }
    await world.quiet(6);
    if (world.said.at(-1)?.startsWith('failed') === true) await this.recover();
    packRoles(world.roles);
  }

  /** The host drops everything after a failed append and begins again by itself. */
  async recover(): Promise<void> {
    this.world.log.release();
    for (let i = 0; i < 10 && this.world.said.at(-1)?.startsWith('active') !== true; i++) {
      vi.advanceTimersByTime(1_000);
      await this.world.quiet(12);
    }
    expect(this.world.said.at(-1)).toMatch(/^active/);
  }

  note(p: number, submitted: ReturnType<World['submit']>): void {
    void submitted.then((reply) => {
      if (reply.ok) for (const id of reply.value.ids) this.acknowledged.push({ p, id });
    });
  }

  nth(n: number): { p: number; id: string } | null {
    return this.acknowledged.length === 0 ? null : (this.acknowledged[n % this.acknowledged.length] ?? null);
  }

  /** Everything heals; time passes until all has ended. */
  async drain(): Promise<void> {
    const { world } = this;
    world.log.onPublish = null;
    world.log.release();
    await world.quiet(10);
    if (world.said.at(-1)?.startsWith('active') !== true) await this.recover();
    await world.bus.request(commands.queue(), { op: 'pause', queue: 'default', paused: false });
    for (const n of [0, 1]) {
      const mine = this.workers[n];
      if (mine === undefined || mine.isSilent) this.newWorker(n);
      this.workers[n]?.join(world.bus);
      await world.quiet(6);
      await world.bus.request(commands.leases(), { op: 'cordon', worker: `w${String(n)}`, cordoned: false });
    }
    for (let i = 0; i < 40 && !this.isIdle(); i++) {
      for (const w of this.workers) {
        w.finish('ok');
        w.resend();
        w.heartbeat();
      }
      await world.pass(4_000, 8);
    }
    await world.pass(1_000, 8);
  }

  isIdle(): boolean {
    const { world } = this;
    return (
      world.role(QueueRole).state.entries.size === 0 &&
      world.role(ResourcesRole).state.leases.size === 0 &&
      world.role(BatcherRole).set.tasks.size === 0 &&
      faultsOfEnds(world, [], true).length === 0
    );
  }

  faultsAtEnd(): string[] {
    const { world } = this;
    const left = [
      ...[...world.role(QueueRole).state.entries].map(([id, e]) => `the queue keeps ${id} (${e.state})`),
      ...[...world.role(ResourcesRole).state.entries].map(
        ([id, e]) => `the resource manager keeps ${id} (${e.state})`,
      ),
      ...[...world.role(BatcherRole).set.tasks].map(([id, t]) => `the batcher keeps ${id} (${t.state})`),
      ...world
        .role(ResourcesRole)
        .state.workerList.flatMap((w) => differences(w.capacity, w.free, `free of ${w.id}`)),
    ];
    return [
      ...this.faults,
      ...faultsOfEnds(
        world,
        this.acknowledged.map(({ id }) => id),
        true,
      ),
      ...faultsOf(world, { isDrained: true }),
      ...left,
    ];
  }
}

/** Of each stream so many in flight survive. */
function keeping({ streams }: World, keep: readonly number[]): (stream: string) => boolean {
  const left = new Map(streams.map((stream, i) => [stream, keep[i] ?? 0]));
  return (stream) => {
    const n = left.get(stream) ?? 0;
    left.set(stream, n - 1);
    return n > 0;
  };
}

const RETRY = { maxAttempts: 3, lostBudget: 50, initialBackoffMs: 500, maxBackoffMs: 2_000, on: null };
const SPECS = [{}, { priority: 900 }, { resources: { slots: 2 } }];
export const outcomes = fc.array(fc.constantFrom<Outcome>('ok', 'ok', 'ok', 'app', 'infra'), {
  minLength: 1,
  maxLength: 5,
});
