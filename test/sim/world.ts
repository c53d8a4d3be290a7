import {
  allStreams,
  commands,
  decodeEnvelope,
  eventSubject,
  FEATURE_LEVEL,
  toWire,
  type Envelope,
  type Reply,
  type SubmitCommand,
  type SubmitReply,
  type TaskView,
  type WorkflowView,
} from '@yardmaster/contracts';
import { defaultRetry, type DomainEvent, type SchedulingSpec } from '@yardmaster/domain';
import { MemoryLogWorld, type MemoryEventLog } from '@yardmaster/eventlog-memory';
import type { Clock } from '@yardmaster/kernel';
import { MonitorRole } from '@yardmaster/monitor';
import type { EventLog, LogArchive, TenantKeystore } from '@yardmaster/ports';
import type { FirstKey } from '@yardmaster/ratelimiter';
import { CommittedHub, RoleHost, withArchive, type Role } from '@yardmaster/service-kit';
import { FakeWorker, type Offer } from './fake-worker.js';
import { LocalBus } from './local-bus.js';
import { fixedRoles, servicesOf, type Offers } from './services.js';

const KEY = new Uint8Array(32).fill(7);
const keystore: TenantKeystore = { keyOf: () => KEY };

/** A clock that only tests move. */
export class TestClock implements Clock {
  #now: number;
  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }
  now(): number {
    return this.#now;
  }
  monotonic(): number {
    return this.#now;
  }
  advance(ms: number): void {
    this.#now += ms;
  }
}

export interface WorldOptions {
  readonly partitions?: number;
  readonly handOver?: 'proposed' | 'committed';
  readonly firstKeys?: readonly FirstKey[];
  /** Has a monitor too. */
  readonly monitor?: boolean;
  /** Each service is a process of its own, with its own connection to the log. */
  readonly apart?: boolean;
  /** Behind the log, for what its streams do not hold any more. */
  readonly archive?: LogArchive;
  /** Its processes know that others may take their roles. */
  readonly isShared?: boolean;
  /** Feature level that a process with these roles has heard of; left out: the highest. */
  readonly level?: (offers: Offers) => number;
}

/** One process: its connection to the log, and its roles. */
interface Process {
  readonly log: MemoryEventLog;
  readonly host: RoleHost;
  readonly offers: Offers;
}

/** A whole cell in one thread over an in-memory log: all deciding roles, real bytes, no broker. */
export class World {
  readonly log = new MemoryLogWorld();
  readonly clock = new TestClock();
  readonly partitions: number;
  readonly counted = { staleReports: 0, adoptedReports: 0, leasesLost: 0, badFrames: 0 };
  readonly alerts: { what: 'raised' | 'cleared'; id: string; action: string }[] = [];
  /** What the host said of itself: restored, active, failed. */
  readonly said: string[] = [];
  bus = new LocalBus();
  #processes: Process[] = [];
  #runs = 0;
  readonly #disk = new Map<string, Envelope[]>();

  constructor(private readonly options: WorldOptions = {}) {
    this.partitions = options.partitions ?? 2;
  }

  get streams(): readonly string[] {
    return allStreams(this.partitions);
  }

  get roles(): readonly Role[] {
    return this.#processes.flatMap(({ host }) => host.roles());
  }

  get processes(): number {
    return this.#processes.length;
  }

  async start(): Promise<void> {
    const log = this.log.open();
    await log.ensure(this.streams.map((name) => ({ name, subject: eventSubject(name), maxBytes: null })));
    this.#processes = [];
    for (const offers of this.#services()) await this.#run(log, offers);
    await this.quiet();
  }

  /** What each process does. */
  #services(bus: LocalBus = this.bus, clock: TestClock = this.clock): Offers[] {
    const { counted, partitions } = this;
    const { firstKeys = [] } = this.options;
    const count = (what: keyof World['counted'], n: number): void => {
      counted[what] += n;
    };
    const services = servicesOf({ partitions, firstKeys, count }, { clock, bus });
    if (this.options.monitor === true) {
      services.push(
        new Map<string, () => Role>([
          [
            'monitor',
            () =>
              new MonitorRole(
                clock,
                this.bus,
                {
                  raised: ({ id, action }) => {
                    this.alerts.push({ what: 'raised', id, action });
                  },
                  cleared: ({ id, action }) => {
                    this.alerts.push({ what: 'cleared', id, action });
                  },
                },
                partitions,
              ),
          ],
        ]),
      );
    }
    return this.options.apart === true ? services : [new Map(services.flatMap((offers) => [...offers]))];
  }

  async #run(first: MemoryEventLog | null, offers: Offers, at = this.#processes.length): Promise<void> {
    const { bus, clock } = this;
    const log = first !== null && at === 0 ? first : this.log.open();
    const { archive } = this.options;
    const read = archive === undefined ? log : withArchive(log, archive);
    const host = new RoleHost({
      node: `node-${String(++this.#runs)}`,
      log: read,
      keystore,
      bus,
      clock,
      hub: new CommittedHub(read, keystore, () => undefined),
      handOver: this.options.handOver ?? 'proposed',
      onEvent: (what, detail) => {
        this.said.push(`${what} ${detail}`);
      },
      offers,
      level: () => this.options.level?.(offers) ?? FEATURE_LEVEL,
      isShared: () => this.options.isShared === true,
    });
    this.#processes[at] = { log, offers, host };
    await host.start(fixedRoles(offers, this.#runs));
  }

  /** One more process, which offers every role and has none yet; on a bus and by a clock of its own where they are given. */
  spawn(bus: LocalBus = this.bus, clock: TestClock = this.clock): RoleHost {
    const offers = new Map(this.#services(this.bus, clock).flatMap((one) => [...one]));
    const log = this.log.open();
    const host = new RoleHost({
      node: `node-${String(++this.#runs)}`,
      log,
      keystore,
      bus,
      clock,
      hub: new CommittedHub(log, keystore, () => undefined),
      handOver: this.options.handOver ?? 'proposed',
      onEvent: (what, detail) => {
        this.said.push(`${what} ${detail}`);
      },
      offers,
      isShared: () => true,
    });
    this.#processes.push({ log, offers, host });
    return host;
  }

  hosts(): readonly RoleHost[] {
    return this.#processes.map(({ host }) => host);
  }

  /** kill -9 of everything: `keep` says which publishes in flight reached the disk. */
  async crash(keep: (stream: string) => boolean): Promise<void> {
    this.stop();
    this.log.crash({ keep: ({ stream }) => keep(stream) });
    this.bus = new LocalBus();
    await this.start();
  }

  /** kill -9 of one process, which starts again. */
  async crashOne(at: number, keep: (stream: string) => boolean): Promise<void> {
    const process = this.#processes[at];
    if (process === undefined) return;
    process.host.stop();
    this.log.crash({ keep: ({ stream }) => keep(stream), only: process.log });
    await this.#run(null, process.offers, at);
    await this.quiet();
  }

  /** Gives every role its turn. */
  touch(): void {
    for (const { host } of this.#processes) host.touch();
  }

  /** A worker that is not joined yet. */
  worker(id = 'w1', offer: Partial<Offer> = {}, scope: number | null = 1, incarnation = 'one'): FakeWorker {
    return new FakeWorker(
      this.bus,
      id,
      { kind: 'sdk', handlers: ['noop'], capacity: { slots: 10 }, ...offer },
      scope,
      `gw-${id}`,
      incarnation,
    );
  }

  /** Lets everything that can move move. */
  async quiet(turns = 30): Promise<void> {
    for (let i = 0; i < turns; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      await this.log.settled();
    }
  }

  /** Moves the clock and gives every role its turn. */
  async pass(ms: number, turns = 30): Promise<void> {
    this.clock.advance(ms);
    this.touch();
    await this.quiet(turns);
  }

  role<R extends Role>(kind: abstract new (...args: never[]) => R, nth = 0): R {
    const found = this.roles.filter((role) => role instanceof kind)[nth];
    if (found === undefined) throw new Error(`no ${kind.name} here`);
    return found as R;
  }

  async submit(
    p: number,
    tasks: SubmitCommand['tasks'],
    more: Partial<SubmitCommand> = {},
  ): Promise<Reply<SubmitReply>> {
    const command: SubmitCommand = {
      op: 'submit',
      tenant: 1,
      user: 1,
      waiter: null,
      specs: [handlerSpec()],
      tasks,
      workflow: null,
      claim: null,
      traceparent: null,
      ...more,
    };
    return await this.bus.request<SubmitReply>(commands.tasks(p), toWire(command));
  }

  /** Submits and lets it come about; throws when refused. */
  async admit(
    p: number,
    tasks: SubmitCommand['tasks'],
    more: Partial<SubmitCommand> = {},
  ): Promise<SubmitReply> {
    const reply = await this.submit(p, tasks, more);
    if (!reply.ok) throw new Error(`${reply.rejection.code}: ${reply.rejection.detail}`);
    await this.quiet();
    return reply.value;
  }

  async task(p: number, id: string): Promise<TaskView | null> {
    const reply = await this.bus.request<TaskView>(commands.tasks(p), {
      op: 'get',
      id,
      tenant: null,
      waiter: null,
    });
    return reply.ok ? reply.value : null;
  }

  async workflow(p: number, id: string): Promise<WorkflowView | null> {
    const reply = await this.bus.request<WorkflowView>(commands.tasks(p), {
      op: 'get-workflow',
      id,
      tenant: null,
      waiter: null,
    });
    return reply.ok ? reply.value : null;
  }

  async forceEnd(p: number, id: string, reason: string): Promise<Reply<unknown>> {
    return await this.bus.request(commands.tasks(p), { op: 'force-end', id, tenant: null, user: 1, reason });
  }

  async cancel(p: number, id: string): Promise<Reply<unknown>> {
    return await this.bus.request(commands.tasks(p), { op: 'cancel', id, tenant: null, user: 1 });
  }

  /** What is on disk of a stream, in order. */
  disk(stream: string): readonly Envelope[] {
    let known = this.#disk.get(stream);
    if (known === undefined) this.#disk.set(stream, (known = []));
    const stored = this.log.stored(stream);
    for (let i = known.length; i < stored.length; i++)
      known.push(decodeEnvelope(stream, i + 1, stored[i]?.data ?? new Uint8Array(), keystore.keyOf));
    return known;
  }

  /** One more view of the log, through its archive where it has one. */
  read(): EventLog {
    const log = this.log.open();
    const { archive } = this.options;
    return archive === undefined ? log : withArchive(log, archive);
  }

  /** Every event on disk, stream by stream. */
  events(only?: DomainEvent['type']): { stream: string; seq: number; event: DomainEvent }[] {
    const all = this.streams.flatMap((stream) =>
      this.disk(stream).flatMap(({ seq, events }) => events.map((event) => ({ stream, seq, event }))),
    );
    return only === undefined ? all : all.filter(({ event }) => event.type === only);
  }

  stop(): void {
    for (const { host } of this.#processes) host.stop();
  }
}

export function handlerSpec(more: Partial<SchedulingSpec> = {}): SchedulingSpec {
  return {
    kind: 'handler',
    handler: 'noop',
    resources: { slots: 1 },
    queue: 'default',
    classRank: 2,
    priority: 500,
    strategy: null,
    delayToleranceMs: null,
    capMs: 3_600_000,
    retry: defaultRetry(),
    idempotent: false,
    require: {},
    ...more,
  };
}

export function draft(
  name: string,
  more: Partial<SubmitCommand['tasks'][number]> = {},
): SubmitCommand['tasks'][number] {
  return {
    spec: 0,
    dueAt: null,
    needs: [],
    parents: [],
    content: {
      name,
      key: name,
      labels: null,
      run: { script: null, scriptHash: null, command: null, args: null, env: null, input: { n: name } },
    },
    ...more,
  };
}
