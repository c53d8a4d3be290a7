import {
  FEATURE_LEVEL,
  levelTooLow,
  YardError,
  commands,
  projectedStreams,
  rejection,
  type AlertView,
  type CapacityView,
  type ClusterCommand,
  type ClusterNodeView,
  type ClusterView,
  type LeaseCommand,
  type MaintenanceView,
  type Page,
  type QueueCommand,
  type QueueView,
  type WorkerResponse,
  type WorkerView,
} from '@yardmaster/contracts';
import { parseDuration, parseLeaseTtl, type DrainEnd } from '@yardmaster/domain';
import type { ReadModelQueries } from '@yardmaster/ports';
import type { Bus, CommittedLog, DeadLetter, DeadLetters } from '@yardmaster/service-kit';
import { checkDrain, checkMaintenance, checkQueue } from '../admission/schema-check.js';
import { invalid } from '../admission/translate-workflow.js';
import { valueOf } from '../ask.js';
import type { Caller } from '../auth/caller.js';
import { DEFAULT_PAGE, QueryReader } from '../body/page-query.js';
import { notFound } from '../tasks/task-reads.js';
import { instant, instantOrNull } from '../tasks/task-view.js';
import type { TenantDirectory } from '../tenants.js';

export interface AlertJson extends Omit<AlertView, 'raisedAt' | 'clearedAt'> {
  readonly raisedAt: string;
  readonly clearedAt: string | null;
}
export interface DeadLetterJson extends Omit<DeadLetter, 'at'> {
  readonly at: string;
}
export interface ClusterJson extends Omit<ClusterView, 'nodes'> {
  readonly nodes: readonly ClusterNodeJson[];
  readonly projectionLag: Readonly<Record<string, number>>;
}

export interface ClusterNodeJson extends Omit<ClusterNodeView, 'positions'> {
  /** Envelopes that the roles of this node have still to apply, over the streams that they follow. */
  readonly lag: number;
}

const SHORT = { timeoutMs: 5_000, patienceMs: 3_000 };

export interface PlatformReadsOptions {
  readonly bus: Bus;
  readonly log: CommittedLog;
  readonly readModel: ReadModelQueries | null;
  readonly tenants: TenantDirectory;
  readonly partitions: number;
  readonly letters: Pick<DeadLetters, 'list'>;
}

/** Questions about workers, queues, alerts and the cluster, each asked of the duty that knows. */
export class PlatformReads {
  private readonly bus: Bus;
  private readonly tenants: TenantDirectory;

  constructor(private readonly options: PlatformReadsOptions) {
    this.bus = options.bus;
    this.tenants = options.tenants;
  }

  async workers(caller: Caller): Promise<Page<WorkerResponse>> {
    const all = await valueOf(
      this.bus.request<readonly WorkerView[]>(commands.leases(), { op: 'workers' }, SHORT),
    );
    // Agents serve everybody, so everybody may see them; workers of a tenant are its own.
    const seen = all.filter(
      ({ tenant }) => caller.scope === null || tenant === null || tenant === caller.scope,
    );
    this.tenants.learn(caller.identity.tenant, caller.identity.tenantName);
    return {
      items: await Promise.all(seen.map(async (worker) => await this.#workerJson(worker))),
      nextCursor: null,
    };
  }

  async worker(caller: Caller, id: string): Promise<WorkerResponse> {
    const found = (await this.workers(caller)).items.find((worker) => worker.id === id);
    if (found === undefined) throw notFound(id);
    return found;
  }

  async cordon(caller: Caller, id: string, cordoned: boolean): Promise<WorkerResponse> {
    await this.worker(caller, id);
    await valueOf(this.bus.request(commands.leases(), { op: 'cordon', worker: id, cordoned }, SHORT));
    return await this.worker(caller, id);
  }

  /** `body` is a DrainRequest. */
  async drain(caller: Caller, id: string, body: unknown): Promise<WorkerResponse> {
    await this.worker(caller, id);
    const faults = checkDrain(body);
    if (faults !== null) throw new YardError(invalid(faults));
    const { deadline, onDeadline = 'kill' } = body as { deadline: string; onDeadline?: DrainEnd };
    const forMs = durationOf(deadline, 'deadline');
    const command: LeaseCommand = { op: 'drain', worker: id, forMs, onDeadline };
    await valueOf(this.bus.request(commands.leases(), command, SHORT));
    return await this.worker(caller, id);
  }

  /** `body` is a MaintenanceRequest. */
  async maintenance(body: unknown): Promise<MaintenanceView> {
    const faults = checkMaintenance(body);
    if (faults !== null) throw new YardError(invalid(faults));
    const forMs = durationOf((body as { for: string }).for, 'for');
    return await valueOf(
      this.bus.request<MaintenanceView>(
        commands.leases(),
        { op: 'maintenance', forMs } satisfies LeaseCommand,
        SHORT,
      ),
    );
  }

  async capacity(): Promise<CapacityView> {
    return await valueOf(this.bus.request<CapacityView>(commands.leases(), { op: 'capacity' }, SHORT));
  }

  async queues(): Promise<Page<QueueView>> {
    const [queues, depths] = await Promise.all([
      valueOf(this.bus.request<readonly QueueView[]>(commands.queue(), { op: 'list' }, SHORT)),
      this.bus.request<Readonly<Record<string, number>>>(
        commands.batcher(),
        { op: 'depths' },
        { timeoutMs: 2_000, patienceMs: 500 },
      ),
    ]);
    const ready = depths.ok ? depths.value : {};
    return {
      items: queues.map((queue) => ({ ...queue, ready: ready[queue.name] ?? queue.ready })),
      nextCursor: null,
    };
  }

  async queue(name: string): Promise<QueueView> {
    const found = (await this.queues()).items.find((queue) => queue.name === name);
    if (found === undefined) throw notFound(name);
    return found;
  }

  /** `body` is a QueueRequest. */
  async putQueue(name: string, body: unknown): Promise<QueueView> {
    await this.queue(name);
    const faults = checkQueue(body);
    if (faults !== null) throw new YardError(invalid(faults));
    const { leaseTtl } = body as { leaseTtl: string | null };
    const parsed = leaseTtl === null ? null : parseLeaseTtl(leaseTtl);
    if (parsed?.ok === false) throw new YardError(invalid([{ path: 'leaseTtl', message: parsed.error }]));
    const command: QueueCommand = { op: 'set-lease-ttl', queue: name, ttlMs: parsed?.value ?? null };
    // A manager of the version before does not know the command, and answers nothing.
    if ((await valueOf(this.bus.request(commands.queue(), command, SHORT))) === null)
      throw new YardError(levelTooLow('a lease time of a queue', 2, 1));
    return await this.queue(name);
  }

  async pauseQueue(name: string, paused: boolean): Promise<QueueView> {
    await this.queue(name);
    await valueOf(this.bus.request(commands.queue(), { op: 'pause', queue: name, paused }, SHORT));
    return await this.queue(name);
  }

  async alerts(): Promise<Page<AlertJson>> {
    const alerts = await valueOf(
      this.bus.request<readonly AlertView[]>(commands.monitor, { op: 'alerts' }, SHORT),
    );
    return {
      items: alerts.map((alert) => ({
        ...alert,
        raisedAt: instant(alert.raisedAt),
        clearedAt: instantOrNull(alert.clearedAt),
      })),
      nextCursor: null,
    };
  }

  async deadLetters(query: unknown): Promise<Page<DeadLetterJson>> {
    const reader = new QueryReader(query, ['limit']);
    const limit = reader.int('limit', 1, 500) ?? DEFAULT_PAGE;
    reader.done();
    const letters = await this.options.letters.list(limit);
    return { items: letters.map((letter) => ({ ...letter, at: instant(letter.at) })), nextCursor: null };
  }

  async cluster(): Promise<ClusterJson> {
    const [view, projectionLag] = await Promise.all([
      valueOf(this.bus.request<ClusterView>(commands.cluster, { op: 'view' }, SHORT)),
      this.#projectionLag(),
    ]);
    return { ...view, nodes: await this.#withLag(view.nodes), projectionLag };
  }

  /** For good: nodes of versions that know less get no roles from then on. */
  async raiseLevel(): Promise<ClusterJson> {
    const command: ClusterCommand = { op: 'raise-level' };
    const { level, nodes } = await valueOf(this.bus.request<ClusterView>(commands.cluster, command, SHORT));
    // A manager of the version before does not know the command, and only shows the cluster.
    const behind = nodes.filter((node) => node.state === 'up' && node.level <= level);
    if (level < FEATURE_LEVEL && behind.length > 0)
      throw new YardError(
        rejection(
          'conflict',
          `the cluster stays at feature level ${String(level)}: ${behind.map(({ node }) => node).join(', ')} cannot work at a higher one`,
        ),
      );
    return await this.cluster();
  }

  async #withLag(nodes: readonly ClusterNodeView[]): Promise<ClusterNodeJson[]> {
    const streams = new Set(nodes.flatMap(({ positions }) => Object.keys(positions)));
    const heads = new Map(
      await Promise.all(
        [...streams].map(async (stream) => [stream, await this.options.log.head(stream)] as const),
      ),
    );
    return nodes.map(({ positions, ...node }) => ({
      ...node,
      lag: Object.entries(positions).reduce(
        (sum, [stream, at]) => sum + Math.max(0, (heads.get(stream) ?? 0) - at),
        0,
      ),
    }));
  }

  /** Envelopes per stream that Postgres has not seen; empty without it, and while it does not answer. */
  async #projectionLag(): Promise<Record<string, number>> {
    const { readModel, log, partitions } = this.options;
    const lag: Record<string, number> = {};
    if (readModel === null) return lag;
    try {
      const positions = await readModel.positions();
      await Promise.all(
        projectedStreams(partitions).map(async (stream) => {
          lag[stream] = Math.max(0, (await log.head(stream)) - (positions[stream] ?? 0));
        }),
      );
    } catch {
      // Postgres being away is told by the monitor's alert; the rest of the answer stands.
    }
    return lag;
  }

  async #workerJson(worker: WorkerView): Promise<WorkerResponse> {
    const { capacity, used, labels, handlers, tenant } = worker;
    return {
      ...worker,
      tenant: tenant === null ? null : await this.tenants.nameOf(tenant),
      capacity: { ...capacity },
      used: { ...used },
      labels: { ...labels },
      handlers: [...handlers],
    };
  }
}

/** Is what submissions need there? Names what is not. */
export async function notReady(bus: Bus, partitions: number): Promise<string[]> {
  const probe = { timeoutMs: 1_500, patienceMs: 0 };
  const asked: [string, Promise<{ ok: boolean; rejection?: { code: string } }>][] = [
    ['ratelimiter', bus.request(commands.limits, { op: 'list-tenants' }, probe)],
    ['queue-manager', bus.request(commands.queue(), { op: 'list' }, probe)],
    ['resource-manager', bus.request(commands.leases(), { op: 'workers' }, probe)],
    ...Array.from(
      { length: partitions },
      (_, p): [string, Promise<{ ok: boolean; rejection?: { code: string } }>] => [
        `submitter/${String(p)}`,
        bus.request(commands.tasks(p), { op: 'get', id: '0', tenant: null, waiter: null }, probe),
      ],
    ),
  ];
  const missing: string[] = [];
  for (const [name, answer] of asked) {
    const reply = await answer;
    // Any refusal but these comes from an owner that is there.
    if (!reply.ok && (reply.rejection?.code === 'unavailable' || reply.rejection?.code === 'outcome-unknown'))
      missing.push(name);
  }
  return missing;
}

export function forbidden(detail: string): YardError {
  return new YardError(rejection('forbidden', detail));
}

function durationOf(text: string, path: string): number {
  const duration = parseDuration(text);
  if (!duration.ok) throw new YardError(invalid([{ path, message: duration.error }]));
  return duration.value;
}
