import { BatcherRole } from '@yardmaster/batcher';
import { allStreams, commands, eventSubject, toWire, type Reply, type SubmitCommand, type SubmitReply, type TaskView, type WorkflowView } from '@yardmaster/contracts';
import { defaultRetry, type DomainEvent, type SchedulingSpec } from '@yardmaster/domain';
import { MemoryLogWorld, type MemoryEventLog } from '@yardmaster/eventlog-memory';
import { IdsRole } from '@yardmaster/idgen';
import type { Clock } from '@yardmaster/kernel';
import type { TenantKeystore } from '@yardmaster/ports';
import { QueueRole } from '@yardmaster/queue-manager';
import { LimitsRole } from '@yardmaster/ratelimiter';
import { ResourcesRole } from '@yardmaster/resource-manager';
import { CommittedHub, EnvelopeReader, RoleHost, type Role } from '@yardmaster/service-kit';
import { ClusterRole, IdSource, SubmitterRole } from '@yardmaster/submitter';
import { LocalBus } from './local-bus.js';

const KEY = new Uint8Array(32).fill(7);
const keystore: TenantKeystore = { keyOf: () => KEY };
const untraced = { submitted: () => undefined, assignment: () => null, ended: () => undefined };

/** A clock that tests move; it also creeps so that ids and times differ. */
export class TestClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  now(): number { return this.#now; }
  monotonic(): number { return this.#now; }
  advance(ms: number): void { this.#now += ms; }
}

export interface WorldOptions { readonly partitions?: number; readonly handOver?: 'proposed' | 'committed' }

/** A whole cell in one thread over an in-memory log: all deciding roles, real bytes, no broker. */
export class World {
  readonly log = new MemoryLogWorld();
  readonly clock = new TestClock();
  readonly partitions: number;
  bus = new LocalBus();
  host: RoleHost | null = null;
  roles: Role[] = [];
  #open: MemoryEventLog = this.log.open();
  #runs = 0;

  constructor(private readonly options: WorldOptions = {}) {
    this.partitions = options.partitions ?? 2;
  }

  async start(): Promise<void> {
    await this.#open.ensure(allStreams(this.partitions).map((name) => ({ name, subject: eventSubject(name), maxBytes: null })));
    const { bus, clock } = this;
    const node = `node-${String(++this.#runs)}`;
    this.host = new RoleHost({
      node, log: this.#open, keystore, bus, clock, hub: new CommittedHub(this.#open, keystore, () => undefined), handOver: this.options.handOver ?? 'proposed',
      roles: () => {
        this.roles = [
          new ClusterRole(this.partitions, clock), new LimitsRole([]), new IdsRole(),
          ...Array.from({ length: this.partitions }, (_, p) => new SubmitterRole(p, new IdSource(bus, p, `${node}/${String(p)}`), untraced, { get: () => Promise.resolve(null) })),
          new BatcherRole(this.partitions, () => this.#runs), new QueueRole(this.partitions),
          new ResourcesRole(clock, { staleReports: () => undefined, leasesLost: () => undefined, badFrames: () => undefined }),
        ];
        return this.roles;
      },
    });
    await this.host.start();
    await this.quiet();
  }

  /** kill -9: `keep` says which publishes in flight reached the disk. */
  async crash(keep: (stream: string) => boolean): Promise<void> {
    this.host?.stop();
    this.#open = this.log.crash({ keep: ({ stream }) => keep(stream) });
    this.bus = new LocalBus();
    await this.start();
  }

  /** Lets everything that can move move. */
  async quiet(turns = 30): Promise<void> {
    for (let i = 0; i < turns; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      await this.log.settled();
    }
  }

  /** Moves the clock and gives every role its turn. */
  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    this.host?.touch();
    await this.quiet();
  }

  async submit(p: number, tasks: SubmitCommand['tasks'], more: Partial<SubmitCommand> = {}): Promise<Reply<SubmitReply>> {
    const command: SubmitCommand = {
      op: 'submit', tenant: 1, user: 1, waiter: null, specs: [handlerSpec()], tasks, workflow: null, claim: null, traceparent: null, ...more,
    };
    return await this.bus.request<SubmitReply>(commands.tasks(p), toWire(command));
  }

  async task(p: number, id: string): Promise<TaskView | null> {
    const reply = await this.bus.request<TaskView>(commands.tasks(p), { op: 'get', id, tenant: null, waiter: null });
    return reply.ok ? reply.value : null;
  }

  async workflow(p: number, id: string): Promise<WorkflowView | null> {
    const reply = await this.bus.request<WorkflowView>(commands.tasks(p), { op: 'get-workflow', id, tenant: null, waiter: null });
    return reply.ok ? reply.value : null;
  }

  /** Every event on disk, stream by stream. */
  async events(): Promise<{ stream: string; seq: number; event: DomainEvent }[]> {
    const all: { stream: string; seq: number; event: DomainEvent }[] = [];
    for (const stream of allStreams(this.partitions)) {
      const { last } = await this.#open.head(stream);
      for await (const envelope of new EnvelopeReader(this.#open, stream, keystore).read(1, last)) {
        for (const event of envelope.events) all.push({ stream, seq: envelope.seq, event });
      }
    }
    return all;
  }

  stop(): void {
    this.host?.stop();
  }
}

export function handlerSpec(more: Partial<SchedulingSpec> = {}): SchedulingSpec {
  return {
    kind: 'handler', handler: 'noop', resources: { slots: 1 }, queue: 'default', classRank: 2, priority: 500, strategy: null, delayToleranceMs: null,
    capMs: 3_600_000, retry: defaultRetry(), idempotent: false, require: {}, ...more,
  };
}

export function draft(name: string, more: Partial<SubmitCommand['tasks'][number]> = {}): SubmitCommand['tasks'][number] {
  return {
    spec: 0, dueAt: null, needs: [], parents: [],
    content: { name, key: name, labels: null, run: { script: null, scriptHash: null, command: null, args: null, env: null, input: { n: name } } }, ...more,
  };
}
