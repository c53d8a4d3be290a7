import {
  commands,
  LEASE_TTL_MS,
  snapshotForms,
  streams,
  readNodeHeartbeat,
  telemetry,
  type AlertView,
  type CapacityView,
  type MonitorCommand,
  type NodeHeartbeat,
  type ProjectionReport,
  type QueueView,
  type Reply,
  type WorkerView,
} from '@yardmaster/contracts';
import { AlertBook, type AlertKind, type DomainEvent } from '@yardmaster/domain';
import type { Clock } from '@yardmaster/kernel';
import type {
  CommandHandlers,
  MessageHandlers,
  Bus,
  EventOrigin,
  Role,
  RoleContext,
} from '@yardmaster/service-kit';
import { DisagreementWatch } from './disagreement-watch.js';
import { ProjectionWatch } from './projection-watch.js';

const LOOK_MS = 2_000;
/** A service that did not heartbeat for this long is not well. */
const SERVICE_SILENT_MS = 6_000;
/** Three heartbeats missed. */
const WORKER_SILENT_MS = 15_000;
/** Capacity that nothing used for this long, with nothing waiting. */
const IDLE_MS = 600_000;
/** A worker that was lost is named for this long, unless it comes back. */
const KEEP_LOST_MS = 3_600_000;
/** What only the resource manager knows. */
const KNOWN_BY_RESOURCES: ReadonlySet<AlertKind> = new Set<AlertKind>([
  'worker-unhealthy',
  'capacity-idle',
  'no-worker-fits',
]);

export interface AlertSinks {
  raised(alert: AlertView): void;
  cleared(alert: AlertView): void;
  /** What the last look saw, for gauges. */
  seen?(capacity: CapacityView, queues: readonly QueueView[]): void;
}

interface Finding {
  readonly id: string;
  readonly kind: AlertKind;
  readonly subject: string;
  readonly message: string;
  readonly action: string;
}

/** Watches services, workers and capacity, and raises alerts that name what to do. */
export class MonitorRole implements Role {
  readonly name = 'monitor';
  readonly stream = streams.alerts;
  readonly follows: readonly string[] = [];
  readonly #book = new AlertBook();
  readonly #alerts: ReadonlyMap<string, AlertView> = this.#book.alerts;
  readonly snapshot = snapshotForms.alerts(this.#book);
  readonly #nodes = new Map<string, { beat: NodeHeartbeat; heardAt: number }>();
  readonly #projections = new ProjectionWatch();
  readonly #disagreements: DisagreementWatch;
  /** Workers that have not come back to a new resource manager, since when. */
  readonly #awaited = new Map<string, number>();
  #resourceManagerSilentSince: number | null = null;
  #idleSince: number | null = null;
  #looking = false;
  #nextLook = 0;
  readonly serves: CommandHandlers = { [commands.monitor]: (body: MonitorCommand) => this.#handle(body) };
  readonly hears: MessageHandlers = {
    [telemetry.heartbeats]: (body: unknown) => {
      const beat = readNodeHeartbeat(body);
      // Who says goodbye is not missed.
      if (beat.isLeaving) this.#nodes.delete(beat.node);
      else this.#nodes.set(beat.node, { beat, heardAt: this.clock.monotonic() });
    },
    [telemetry.projections]: (report: ProjectionReport) => {
      this.#projections.hear(report, this.clock.monotonic());
    },
  };

  constructor(
    private readonly clock: Clock,
    private readonly bus: Bus,
    private readonly sinks: AlertSinks,
    partitions: number,
  ) {
    this.#disagreements = new DisagreementWatch(bus, partitions);
  }

  apply(event: DomainEvent, from: EventOrigin): void {
    this.#book.apply(event, from.at);
  }

  advance(ctx: RoleContext): void {
    const now = this.clock.monotonic();
    ctx.wakeAt(ctx.now() + LOOK_MS);
    if (this.#looking || now < this.#nextLook) return;
    this.#looking = true;
    this.#nextLook = now + LOOK_MS;
    void this.#look()
      .then((findings) => {
        this.#decide(findings, ctx);
      })
      .finally(() => {
        this.#looking = false;
      });
  }

  async #look(): Promise<Finding[]> {
    const now = this.clock.monotonic();
    const findings: Finding[] = [];
    for (const { beat, heardAt } of this.#nodes.values()) {
      const silent = now - heardAt;
      if (silent < SERVICE_SILENT_MS) continue;
      if (silent > 3_600_000) this.#nodes.delete(beat.node);
      findings.push({
        id: `service-unhealthy/${beat.node}`,
        kind: 'service-unhealthy',
        subject: beat.node,
        message: `${beat.service} on ${beat.node} (pid ${String(beat.pid)}) has not been heard for ${seconds(silent)}`,
        action: `look at its log; start ${beat.service} again on a healthy machine`,
      });
    }
    for (const { projection, message, action } of this.#projections.findings(now))
      findings.push({
        id: `projection-behind/${projection}`,
        kind: 'projection-behind',
        subject: projection,
        message,
        action,
      });
    const workers = await this.bus.request<WorkerView[]>(
      commands.leases(),
      { op: 'workers' },
      { timeoutMs: 3_000, patienceMs: 0 },
    );
    findings.push(...this.#resourceManager(workers.ok, now));
    // While it is silent nothing is known of these: they stay as they are.
    if (!workers.ok)
      findings.push(
        ...this.#open()
          .filter(({ kind }) => KNOWN_BY_RESOURCES.has(kind as AlertKind))
          .map(asFinding),
      );
    if (workers.ok) {
      findings.push(...this.#workerFindings(workers.value, now));
      const capacity = await this.bus.request<CapacityView>(
        commands.leases(),
        { op: 'capacity' },
        { timeoutMs: 3_000, patienceMs: 0 },
      );
      if (capacity.ok) findings.push(...this.#capacity(capacity.value, now));
      const queues = await this.bus.request<QueueView[]>(
        commands.queue(),
        { op: 'list' },
        { timeoutMs: 3_000, patienceMs: 0 },
      );
      if (capacity.ok && queues.ok) this.sinks.seen?.(capacity.value, queues.value);
    }
    for (const { task, message, action } of await this.#disagreements.look(now))
      findings.push({ id: `task-stuck/${task}`, kind: 'task-stuck', subject: task, message, action });
    return findings;
  }

  #open(): AlertView[] {
    return [...this.#alerts.values()].filter(({ clearedAt }) => clearedAt === null);
  }

  /** Workers that went silent, those that did not come back after a restart, and those that were lost of late. */
  #workerFindings(workers: readonly WorkerView[], now: number): Finding[] {
    const findings: Finding[] = [];
    const present = new Set(workers.map((w) => w.id));
    for (const id of this.#awaited.keys()) if (!present.has(id)) this.#awaited.delete(id);
    for (const worker of workers) {
      const silent = worker.lastHeartbeatMsAgo;
      if (silent !== null) {
        this.#awaited.delete(worker.id);
        if (silent >= WORKER_SILENT_MS)
          findings.push(unhealthy(worker, `has been silent for ${seconds(silent)}`));
        continue;
      }
      const since = this.#awaited.get(worker.id) ?? now;
      this.#awaited.set(worker.id, since);
      const isKnown = this.#alerts.get(unhealthyId(worker.id))?.clearedAt === null;
      if (isKnown || now - since >= WORKER_SILENT_MS)
        findings.push(unhealthy(worker, 'has not come back since the resource manager started'));
    }
    for (const alert of this.#open()) {
      if (
        alert.kind === 'worker-unhealthy' &&
        !present.has(alert.subject) &&
        this.clock.now() - alert.raisedAt < KEEP_LOST_MS
      )
        findings.push(asFinding(alert));
    }
    return findings;
  }

  #resourceManager(answers: boolean, now: number): Finding[] {
    if (answers) {
      this.#resourceManagerSilentSince = null;
      return [];
    }
    this.#resourceManagerSilentSince ??= now;
    const silent = now - this.#resourceManagerSilentSince;
    if (silent < SERVICE_SILENT_MS) return [];
    return [
      {
        id: 'resource-manager-unhealthy/main',
        kind: 'resource-manager-unhealthy',
        subject: 'resources/main',
        message: `no resource manager has answered for ${seconds(silent)}; nothing new is placed`,
        action: 'start a resource-manager; running attempts keep their leases for a while',
      },
    ];
  }

  #capacity(capacity: CapacityView, now: number): Finding[] {
    const findings: Finding[] = [];
    const busy = Object.values(capacity.used).some((amount) => amount > 0) || capacity.waiting.length > 0;
    const healthy = capacity.workers['healthy'] ?? 0;
    if (busy || healthy === 0) this.#idleSince = null;
    else this.#idleSince ??= now;
    if (this.#idleSince !== null && now - this.#idleSince >= IDLE_MS) {
      findings.push({
        id: 'capacity-idle/main',
        kind: 'capacity-idle',
        subject: 'main',
        message: `${String(healthy)} workers have had nothing to do for ${seconds(now - this.#idleSince)}`,
        action: 'drain and remove workers that are not needed, or move work here',
      });
    }
    for (const { runtime, count, oldestAgeMs } of capacity.waiting) {
      if (oldestAgeMs < 60_000 || healthy > 0) continue;
      findings.push({
        id: `no-worker-fits/${runtime}`,
        kind: 'no-worker-fits',
        subject: runtime,
        message: `${String(count)} tasks (${runtime}) wait, the oldest for ${seconds(oldestAgeMs)}, and no worker is healthy`,
        action: 'start a worker: `yard agent start`, or the SDK worker that offers the handler',
      });
    }
    return findings;
  }

  #decide(findings: readonly Finding[], ctx: RoleContext): void {
    const found = new Set(findings.map((f) => f.id));
    for (const finding of findings) {
      if (this.#alerts.get(finding.id)?.clearedAt === null) continue;
      ctx.commit([{ type: 'AlertRaised', ...finding }], () => {
        this.#tell(finding.id, 'raised');
      });
    }
    for (const alert of this.#alerts.values()) {
      if (alert.clearedAt !== null || found.has(alert.id)) continue;
      ctx.commit([{ type: 'AlertCleared', id: alert.id }], () => {
        this.#tell(alert.id, 'cleared');
      });
    }
  }

  #tell(id: string, what: 'raised' | 'cleared'): void {
    const alert = this.#alerts.get(id);
    if (alert !== undefined) this.sinks[what](alert);
  }

  #handle(command: MonitorCommand): Reply<unknown> {
    return command.op === 'alerts'
      ? { ok: true, value: [...this.#alerts.values()].reverse() }
      : { ok: true, value: null };
  }
}

const asFinding = ({ id, kind, subject, message, action }: AlertView): Finding => ({
  id,
  kind: kind as AlertKind,
  subject,
  message,
  action,
});
const unhealthyId = (worker: string): string => `worker-unhealthy/${worker}`;

function unhealthy(worker: WorkerView, how: string): Finding {
  return {
    id: unhealthyId(worker.id),
    kind: 'worker-unhealthy',
    subject: worker.id,
    message: `worker ${worker.name} ${how} and holds ${String(worker.leases)} attempts`,
    action: `check the machine and its network; after ${seconds(LEASE_TTL_MS)} of silence its attempts run elsewhere`,
  };
}

const seconds = (ms: number): string => `${String(Math.round(ms / 1000))} s`;
