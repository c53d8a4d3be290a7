import { allStreams, decodeEnvelope, eventSubject, type Envelope } from '@yardmaster/contracts';
import { MemoryLogWorld } from '@yardmaster/eventlog-memory';
import { BatcherRole } from '@yardmaster/batcher';
import type { TenantKeystore } from '@yardmaster/ports';
import { QueueRole } from '@yardmaster/queue-manager';
import { ResourcesRole } from '@yardmaster/resource-manager';
import {
  CommittedHub,
  RoleHost,
  SnapshotLoader,
  withArchive,
  type Bus,
  type Role,
} from '@yardmaster/service-kit';
import { MemoryLogArchive, MemorySnapshotStore } from '@yardmaster/testkit';
import type { LogRecord } from '../../checkers/index.js';
import { fixedRoles, servicesOf } from '../services.js';
import { CrashPoints, kindOf } from './crash-points.js';
import type { Network } from './network.js';
import { SimLog } from './sim-log.js';
import { SimProcess } from './sim-process.js';
import { look } from './upkeep.js';
import type { VirtualTime } from './virtual-time.js';

const KEY = new Uint8Array(32).fill(7);
const keystore: TenantKeystore = { keyOf: () => KEY };

export interface CellOptions {
  readonly partitions: number;
  readonly handOver: 'proposed' | 'committed';
  /** Each service is a process of its own. */
  readonly apart: boolean;
}

/** A service process of the cell. */
export interface Service {
  readonly process: SimProcess;
  readonly log: SimLog;
  readonly host: RoleHost;
  readonly slot: number;
  isActive: boolean;
}

/** All services of a cell over one in-memory log, each a process that can be stopped, cut off, replaced and killed. */
export class Cell implements LogRecord {
  readonly log = new MemoryLogWorld();
  readonly #archive = new MemoryLogArchive();
  readonly #snapshots = new MemorySnapshotStore();
  /** What archiving, snapshots and purges came to. */
  readonly upkeep = { looks: 0, purged: 0, crashes: 0, resumed: 0 };
  readonly points = new CrashPoints();
  readonly streams: readonly string[];
  readonly slots: number;
  readonly counted = { staleReports: 0, adoptedReports: 0, leasesLost: 0, badFrames: 0 };
  readonly services: Service[] = [];
  /** Services whose place another has taken, while they still live. */
  readonly deposed: Service[] = [];
  onSaid: (line: string) => void = () => undefined;
  #last = 'nothing';
  #epochs = 0;
  #names = 0;
  readonly #known = new Map<string, Envelope[]>();

  constructor(
    private readonly options: CellOptions,
    private readonly network: Network,
    private readonly time: VirtualTime,
  ) {
    this.streams = allStreams(options.partitions);
    this.slots = options.apart ? 5 : 1;
    this.log.open();
    this.log.ensure(this.streams.map((name) => ({ name, subject: eventSubject(name), maxBytes: null })));
  }

  /** Starts the service of `slot`; who had its place stays as it is, and is told nothing. */
  start(slot: number): void {
    const { handOver, partitions, apart } = this.options;
    const before = this.services[slot];
    if (before !== undefined && before.process.state !== 'dead') this.deposed.push(before);
    const process = new SimProcess(`s${String(slot)}#${String(++this.#names)}`, this.time);
    const log = new SimLog(this.log.open(), process, this.time);
    const read = withArchive(log, this.#archive);
    const bus: Bus = this.network.endpoint(process);
    const count = (what: keyof Cell['counted'], n: number): void => {
      this.counted[what] += n;
    };
    const services = servicesOf({ partitions, firstKeys: [], count }, { clock: process.clock, bus });
    const offers = new Map(services.filter((_, i) => !apart || i === slot).flatMap((of) => [...of]));
    const service: Service = {
      process,
      log,
      slot,
      isActive: false,
      host: new RoleHost({
        node: process.name,
        log: read,
        snapshots: new SnapshotLoader({
          store: this.#snapshots,
          log: read,
          keystore,
          onUsed: () => this.upkeep.resumed++,
          onIgnored: (role, name, reason) => {
            this.onSaid(`${process.name} passes over ${role} ${name}: ${reason}`);
          },
        }),
        keystore,
        bus,
        clock: process.clock,
        hub: new CommittedHub(read, keystore, (stream, error) => {
          this.onSaid(`${process.name} follows ${stream} no longer: ${error.message}`);
        }),
        handOver,
        onEvent: (what, detail) => {
          service.isActive = what === 'active';
          this.onSaid(`${process.name} ${what} ${detail}`);
          // Whoever finds that another has its streams steps down.
          if (what === 'failed' && this.services[slot] !== service) this.kill(service, () => true);
        },
        offers,
      }),
    };
    this.services[slot] = service;
    process.run(() => {
      service.host.start(fixedRoles(offers, ++this.#epochs)).catch((error: unknown) => {
        this.onSaid(`${process.name} did not start: ${String(error)}`);
        this.kill(service, () => true);
      });
    });
  }

  /** One look of the process that keeps the archive; it dies before its nth step. */
  keepUp(diesBefore: number): void {
    const process = new SimProcess(`u${String(++this.#names)}`, this.time);
    const log = new SimLog(this.log.open(), process, this.time);
    let steps = 0;
    this.upkeep.looks++;
    process.run(() => {
      look({
        process,
        bus: this.network.endpoint(process),
        log,
        archive: this.#archive,
        store: this.#snapshots,
        keystore,
        partitions: this.options.partitions,
        streams: this.streams,
        dies: (step) => {
          if (steps++ < diesBefore) return false;
          this.upkeep.crashes++;
          this.onSaid(`${process.name} dies before it could ${step}`);
          return true;
        },
        // What is judged at the end is the whole log.
        beforePurge: () => {
          for (const stream of this.streams) this.disk(stream);
        },
      }).then(
        (purged) => {
          this.upkeep.purged += purged;
        },
        (error: unknown) => {
          if ((error as Error).message !== 'killed') throw error;
        },
      );
    });
  }

  /** kill -9: `keep` says which of its publishes in flight reach the disk. */
  kill(service: Service, keep: (stream: string) => boolean): void {
    if (service.process.state === 'dead') return;
    this.points.crash(this.#last, this.#nextKinds());
    service.process.kill();
    service.isActive = false;
    const at = this.deposed.indexOf(service);
    if (at >= 0) this.deposed.splice(at, 1);
    this.log.crash({ keep: ({ stream }) => keep(stream), only: service.log.inner });
    service.host.stop();
  }

  /** Lets one publish through; false when none is in flight. */
  step(choose: (n: number) => number): boolean {
    const streams = [...new Set(this.log.inFlight().map(({ stream }) => stream))];
    if (streams.length === 0) return false;
    const next = this.#nextKinds();
    this.points.stand(this.#last, next);
    const done = this.log.step(streams[choose(streams.length)]);
    if (done !== null) this.#last = kindOf(done);
    return true;
  }

  get isActive(): boolean {
    return this.services.every(({ isActive }) => isActive);
  }

  roles(): Role[] {
    return this.services.flatMap(({ host }) => host.roles());
  }

  role<R extends Role>(kind: abstract new (...args: never[]) => R): R | undefined {
    return this.roles().find((role) => role instanceof kind) as R | undefined;
  }

  /** What is left to do, in the memory of those who have it. */
  leftovers(): string[] {
    const left: string[] = [];
    for (const [id, e] of this.role(QueueRole)?.state.entries ?? [])
      left.push(`the queue keeps ${id} (${e.state})`);
    for (const [id, e] of this.role(ResourcesRole)?.state.entries ?? [])
      left.push(`the resource manager keeps ${id} (${e.state})`);
    for (const [id] of this.role(ResourcesRole)?.state.leases ?? []) left.push(`${id} is leased`);
    for (const [id, t] of this.role(BatcherRole)?.set.tasks ?? [])
      left.push(`the batcher keeps ${id} (${t.state})`);
    return left;
  }

  disk(stream: string): readonly Envelope[] {
    let known = this.#known.get(stream);
    if (known === undefined) this.#known.set(stream, (known = []));
    const stored = this.log.stored(stream);
    for (const { seq, data } of stored)
      if (seq > known.length) known.push(decodeEnvelope(stream, seq, data, keystore.keyOf));
    return known;
  }

  #nextKinds(): string[] {
    const seen = new Set<string>();
    const kinds: string[] = [];
    for (const message of this.log.inFlight()) {
      if (seen.has(message.stream)) continue;
      seen.add(message.stream);
      kinds.push(kindOf(message));
    }
    return kinds;
  }
}
