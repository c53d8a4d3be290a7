import {
  commands,
  followedBy,
  HEARTBEAT_MS,
  LEASE_TTL_MS,
  levelTooLow,
  MAX_MAINTENANCE_MS,
  snapshotForms,
  streams,
  type BatcherCommand,
  type HeartbeatMessage,
  type JoinMessage,
  type KillOrder,
  type LeaseCommand,
  type MaintenanceView,
  type Note,
  type RelayUp,
  type Reply,
  type Report,
  type ReportAnswer,
  type Welcome,
  type TaskCommand,
} from '@yardmaster/contracts';
import {
  adoptFinish,
  CellState,
  type CellLane,
  type CellWorker,
  type DomainEvent,
  endOf,
  type EndOfLease,
  fenceOf,
  grantOf,
  judgeLate,
  type Lease,
  type LeaseEnded,
  type NoFit,
  placeRound,
  type PlacementStrategy,
  voidLeases,
} from '@yardmaster/domain';
import { roughSize, type Clock, type TaskId, type WorkerId } from '@yardmaster/kernel';
import type {
  CommandHandlers,
  MessageHandlers,
  EventOrigin,
  Role,
  RoleContext,
} from '@yardmaster/service-kit';
import { isRelay, readFrame, readMessage, readNote, readReport, type SentMessage } from './worker-frame.js';
import { CellViews } from './cell-views.js';
import { creditOf } from './credit.js';
import { Drains } from './drains.js';
import { LeaseAudit } from './lease-audit.js';
import { LateReports } from './late-reports.js';
import { WorkerPresence } from './worker-presence.js';

const TICK_MS = 1_000;
/** The agent ends an attempt at its cap; past this the lease ends anyway. */
const CAP_GRACE_MS = 15_000;
/** A worker has this long to end a cancelled attempt and say so. */
const KILL_PATIENCE_MS = 10_000;
/** Grants in one round, so that one turn stays short. */
const MAX_GRANTS = 2_000;

/** Leases that run out in one tick, save for those of the last worker. */
const MAX_EXPIRED = 2_000;

export interface ResourceCounters {
  staleReports(n: number): void;
  /** Finishes that were told too late and taken all the same. */
  adoptedReports(n: number): void;
  leasesLost(n: number): void;
  /** What a worker sent, or part of it, cannot be read. */
  badFrame(worker: string, reason: string, what: unknown): void;
  /** Wait of a task's first attempt since it was eligible, ms. */
  granted?(waitMs: number): void;
  /** Run of an attempt since its grant, ms. */
  ended?(runMs: number): void;
}

/**
 * Owner of the cell's workers and leases: pulls from the queue, filters, scores, reserves and binds; ends leases on reports, on
 * silence and at the cap. Invariants: at most one live lease per task (I2); only the live lease's fence ends it (I3).
 */
export class ResourcesRole implements Role {
  readonly name = 'resources/main';
  readonly stream = streams.leases();
  readonly follows = followedBy.resources;
  readonly state = new CellState();
  readonly snapshot = snapshotForms.cell(this.state);
  readonly serves: CommandHandlers;
  readonly hears: MessageHandlers;
  readonly #presence = new WorkerPresence();
  readonly #cursor = { value: 0 };
  readonly #noFit = new Map<CellLane, NoFit>();
  readonly #late = new LateReports();
  readonly #drains = new Drains();
  readonly #audit = new LeaseAudit(this.state);
  readonly #views: CellViews;
  readonly #dying = new Map<Lease, number>();
  /** Since when a lease is known here, on the monotonic clock: a step of the clock on the wall ends nothing. */
  readonly #knownSince = new WeakMap<Lease, number>();
  /** What running attempts left for their successors; written down with their end. */
  readonly #checkpoints = new WeakMap<Lease, unknown>();
  #fences = 0;
  #tickAt = 0;
  #creditSaid = '';
  /** A worker came, or came back: what all of them can hold is added up once a turn, not for each frame of a fleet. */
  #isCreditDue = false;

  constructor(
    private readonly clock: Clock,
    private readonly counters: ResourceCounters,
    private readonly strategy: PlacementStrategy = 'bin-pack',
  ) {
    this.#views = new CellViews(this.state, (worker) =>
      this.#presence.silentMs(worker, this.clock.monotonic()),
    );
    this.serves = { [commands.leases()]: (body: LeaseCommand, ctx) => this.#handle(body, ctx) };
    this.hears = {
      [commands.leaseFrames()]: (body: unknown, ctx) => {
        for (const relay of Array.isArray(body) ? (body as unknown[]) : [body]) {
          if (isRelay(relay)) this.#frame(relay, ctx);
          else this.counters.badFrame('', 'what came is no frame of a worker', relay);
        }
      },
    };
  }

  apply(event: DomainEvent, from: EventOrigin): void {
    this.state.apply(event, from.at);
  }

  takeOver(ctx: RoleContext): void {
    const lost = voidLeases(this.state);
    if (lost.length > 0) ctx.commit(lost);
    // How much of a maintenance has passed, only its owner knew: to be safe, all of it is to come.
    if (this.state.extendedMs > 0) this.#presence.extend(this.state.extendedMs, this.clock.monotonic());
    this.#presence.grace([...this.state.workers.keys()], this.clock.monotonic());
    // Ask those who are still connected to show themselves; nothing is granted on a worker before it did.
    ctx.effect(() => {
      for (const worker of this.state.workerList)
        ctx.outbox.say(worker.gateway, worker.id, ['welcome', welcomeOf(ctx, worker)]);
    });
  }

  advance(ctx: RoleContext): void {
    const mono = this.clock.monotonic();
    if (mono >= this.#tickAt) {
      this.#tickAt = mono + TICK_MS;
      this.#tick(ctx, mono);
    }
    if (this.#isCreditDue) this.#sayCredit(ctx, false);
    if (this.state.toVoid.size > 0)
      ctx.commit([...this.state.toVoid].map((lease) => endOf(lease, { outcome: 'void' })));
    if (this.state.dirty) {
      // Before anybody else gets what they tell of.
      this.#judgeLate(ctx);
      // A lease time says that the cluster was raised, of which this process hears in a moment: a grant now would lack it.
      if (ctx.level >= 2 || !this.state.hasLeaseTimes()) this.#place(ctx);
    }
    if (this.state.workers.size > 0) ctx.wakeAt(ctx.now() + TICK_MS);
  }

  #place(ctx: RoleContext): void {
    this.state.dirty = false;
    this.#noFit.clear();
    const now = ctx.now();
    const granted = placeRound(
      this.state,
      this.strategy,
      this.#cursor,
      (entry, worker) => {
        ctx.commit([
          grantOf(entry, worker as WorkerId, fenceOf(ctx.epoch, ++this.#fences), this.state.queueTtls),
        ]);
        if (entry.attempts === 1) this.counters.granted?.(now - entry.task.eligibleAt);
      },
      (lane, noFit) => {
        this.#noFit.set(lane, noFit);
      },
      MAX_GRANTS,
    );
    this.state.dirty = granted === MAX_GRANTS;
  }

  #tick(ctx: RoleContext, mono: number): void {
    if (this.state.extendedMs > 0 && this.#presence.extendedMs(mono) === 0)
      ctx.commit([{ type: 'LeasesExtended', forMs: 0 }]);
    this.#expire(ctx, mono);
    for (const lease of this.state.leases.values()) {
      const since = this.#knownSince.get(lease);
      if (since === undefined) this.#knownSince.set(lease, mono);
      if (mono - (since ?? mono) <= lease.capMs + CAP_GRACE_MS) continue;
      this.#kill(lease, 'over-cap', ctx);
      ctx.commit([
        this.#endOf(lease, {
          outcome: 'over-cap',
          error: `the attempt ran longer than its execution cap of ${String(lease.capMs)} ms`,
        }),
      ]);
    }
    for (const [lease, until] of this.#dying) {
      const isLive = this.state.leases.get(lease.task) === lease;
      if (isLive && mono < until) continue;
      this.#dying.delete(lease);
      if (isLive)
        ctx.commit([
          this.#endOf(lease, {
            outcome: 'cancelled',
            error: 'the worker did not say that the cancelled attempt ended',
          }),
        ]);
    }
    // Their leases end when the worker says that it ended them: until then they may run, and nobody else may have them.
    for (const worker of this.#drains.due(this.state, mono))
      for (const lease of worker.held.all)
        if (worker.drain?.onDeadline === 'kill' || this.#checkpoints.has(lease))
          this.#kill(lease, 'drained', ctx);
    this.#sayCredit(ctx, true);
  }

  #expire(ctx: RoleContext, mono: number): void {
    let ended = 0;
    for (const { worker, leases, isGone } of this.#presence.expired(this.state, mono)) {
      // The rest at the next tick: a fleet that is gone is no reason for a long turn.
      if (ended >= MAX_EXPIRED) return;
      ended += leases.length;
      // Some of its leases may last longer; it gets nothing new before it is heard.
      worker.healthy = false;
      if (leases.length === 0 && !isGone) continue;
      const events: DomainEvent[] = leases.map((lease) =>
        this.#endOf(lease, { outcome: 'lost', error: 'the worker was silent for the time of its lease' }),
      );
      if (isGone) events.push({ type: 'WorkerGone', worker: worker.id, why: 'lost' });
      ctx.commit(events);
      if (isGone) this.#presence.forget(worker.id);
      this.counters.leasesLost(leases.length);
    }
  }

  /** What each runtime can hold, for the batcher; said when it changes and each second, so that a lost message heals. */
  #sayCredit(ctx: RoleContext, always: boolean): void {
    this.#isCreditDue = false;
    const credit = creditOf(this.state.workerList);
    const text = JSON.stringify(credit);
    if (!always && text === this.#creditSaid) return;
    this.#creditSaid = text;
    ctx.tell(commands.batcher(), { op: 'credit', credit } satisfies BatcherCommand);
  }

  #frame([gateway, worker, scope, bytes]: RelayUp, ctx: RoleContext): void {
    const known = this.state.workers.get(worker as WorkerId);
    if (known !== undefined && known.tenant !== scope) {
      ctx.outbox.say(gateway, worker, [
        'err',
        { code: 'conflict', detail: `worker id ${worker} belongs to someone else; choose another` },
      ]);
      return;
    }
    for (const one of this.#read(worker, bytes, readFrame) ?? []) {
      const message = this.#read(worker, one, readMessage);
      if (message !== null) this.#message(gateway, worker as WorkerId, scope, message, ctx);
    }
  }

  /** What can be read, or null: the rest is set aside. */
  #read<S, T>(worker: string, what: S, read: (what: S) => T): T | null {
    try {
      return read(what);
    } catch (cause) {
      this.counters.badFrame(worker, cause instanceof Error ? cause.message : String(cause), what);
      return null;
    }
  }

  #message(
    gateway: string,
    worker: WorkerId,
    scope: number | null,
    message: SentMessage,
    ctx: RoleContext,
  ): void {
    switch (message[0]) {
      case 'join':
        this.#join(gateway, worker, scope, message[1], ctx);
        return;
      case 'hb':
        this.#heartbeat(gateway, worker, message[1], ctx);
        return;
      case 'rep':
        this.#reports(gateway, worker, message[1], ctx);
        return;
      case 'note':
        this.#notes(worker, message[1], ctx);
        return;
      case 'bye':
        this.#bye(worker, ctx);
        return;
      case 'away': {
        const known = this.state.workers.get(worker);
        if (known?.gateway === gateway) known.isAway = true;
      }
    }
  }

  #join(gateway: string, id: WorkerId, scope: number | null, join: JoinMessage, ctx: RoleContext): void {
    const known = this.state.workers.get(id);
    this.#presence.heard(id, this.clock.monotonic());
    const named = new Set(join.held.map(([task, , fence]) => `${task} ${String(fence)}`));
    const unnamed = (known?.held.all ?? []).filter(
      (lease) => !named.has(`${lease.task} ${String(lease.fence)}`),
    );
    const isSame =
      known?.incarnation === join.incarnation && known.gateway === gateway && sameOffer(known, join);
    // Said again when something is missing: on hearing it, the owners hand out once more what did not arrive.
    if (!isSame || unnamed.length > 0) {
      // A new process holds nothing of what the old one ran, save what it names itself.
      const events: DomainEvent[] =
        known === undefined || known.incarnation === join.incarnation
          ? []
          : unnamed.map((lease) => this.#endOf(lease, { outcome: 'lost', error: 'the worker started anew' }));
      events.push({
        type: 'WorkerJoined',
        worker: id,
        incarnation: join.incarnation,
        kind: join.kind,
        name: join.name,
        tenant: scope,
        capacity: join.capacity,
        handlers: join.handlers,
        labels: join.labels,
        gateway,
      });
      ctx.commit(events);
      if (known !== undefined) this.#presence.handedOut(known);
    }
    this.#seen(id, 0);
    for (const [task, attempt, fence] of join.held) {
      if (!this.#holds(id, task, attempt, fence))
        ctx.effect(() => {
          ctx.outbox.kill(gateway, id, [task, attempt, fence, 'lost']);
        });
    }
    ctx.effect(() => {
      this.#answered(id);
      ctx.outbox.say(gateway, id, ['welcome', welcomeOf(ctx, join)]);
    });
    this.#isCreditDue = true;
  }

  #heartbeat(gateway: string, id: WorkerId, hb: HeartbeatMessage, ctx: RoleContext): void {
    const worker = this.state.workers.get(id);
    if (worker?.gateway !== gateway) {
      ctx.outbox.say(gateway, id, [
        'err',
        { code: 'lease-lost', detail: 'this worker is not known; join again' },
      ]);
      return;
    }
    this.#presence.heard(id, this.clock.monotonic());
    this.#seen(id, hb.load);
    for (const [task, attempt, fence] of hb.held) {
      if (!this.#holds(id, task, attempt, fence))
        ctx.effect(() => {
          ctx.outbox.kill(gateway, id, [task, attempt, fence, 'lost']);
        });
    }
    const { lost, unnamed } = this.#presence.undelivered(worker, hb.held, this.clock.monotonic());
    if (lost.length > 0) {
      // It may be about to: whoever hands it out may have stood still, or the worker.
      for (const lease of lost) this.#kill(lease, 'lost', ctx);
      ctx.commit(
        lost.map((lease) =>
          this.#endOf(lease, { outcome: 'lost', error: 'the attempt never reached the worker' }),
        ),
      );
    }
    ctx.effect(() => {
      this.#presence.missing(unnamed, this.clock.monotonic());
      this.#answered(id);
      const extendMs = Math.floor(this.#presence.extendedMs(this.clock.monotonic()));
      ctx.outbox.say(gateway, id, [
        'hb-ok',
        extendMs > 0 ? { n: hb.n, epoch: ctx.epoch, extendMs } : { n: hb.n, epoch: ctx.epoch },
      ]);
    });
  }

  /** The last that it may ever hear: its time runs from now on, while it counts from when it asked. */
  #answered(id: WorkerId): void {
    if (this.state.workers.has(id)) this.#presence.heard(id, this.clock.monotonic());
  }

  #seen(id: WorkerId, load: number): void {
    const worker = this.state.workers.get(id);
    if (worker === undefined) return;
    worker.load = load;
    if (worker.healthy && !worker.isAway) return;
    worker.healthy = true;
    worker.isAway = false;
    this.#isCreditDue = true;
    this.state.dirty = true;
  }

  #holds(worker: WorkerId, task: string, attempt: number, fence: number): boolean {
    const lease = this.state.leases.get(task as TaskId);
    return lease?.worker === worker && lease.fence === fence && lease.attempt === attempt;
  }

  /** One frame's reports: each ends its own lease, and all are answered together when that is on disk. */
  #reports(gateway: string, worker: WorkerId, reports: readonly unknown[], ctx: RoleContext): void {
    const answers: ReportAnswer[] = [];
    for (const one of reports) {
      const report = this.#read(worker, one, readReport);
      const status = report === null ? null : this.#report(worker, report, ctx);
      if (report !== null && status !== null) answers.push([report[0], report[1], report[2], status]);
    }
    if (answers.length > 0)
      ctx.effect(() => {
        for (const answer of answers) ctx.outbox.answer(gateway, worker, answer);
      });
  }

  /** Null while there is no answer yet. */
  #report(worker: WorkerId, report: Report, ctx: RoleContext): ReportAnswer[3] | null {
    const [task, attempt, fence, outcome, exitCode, usage, result, error, more] = report;
    const lease = this.state.leases.get(task as TaskId);
    if (lease?.worker !== worker || lease.fence !== fence || lease.attempt !== attempt)
      return this.#lateReport(worker, report, ctx);
    this.counters.ended?.(ctx.now() - lease.grantedAt);
    // A worker that says so unasked did not run it to an end.
    const isAsked =
      outcome === 'cancelled' ? this.#dying.has(lease) : outcome !== 'withdrawn' && outcome !== 'superseded';
    const end = { outcome: isAsked ? outcome : 'infra', exitCode, usage, result, error, ...more };
    ctx.commit([this.#endOf(lease, end)], undefined, bytesOf(report));
    return 'ok';
  }

  /** The lease is over: whoever was given the task since has it, else what it tells may still count. */
  #lateReport(worker: WorkerId, report: Report, ctx: RoleContext): ReportAnswer[3] | null {
    const [task, attempt, fence, outcome, exitCode, usage, result, error, more] = report;
    const verdict = judgeLate(this.state, { task: task as TaskId, attempt, fence, worker, outcome });
    if (verdict.kind === 'wait') {
      this.#late.hold(worker, report);
      return null;
    }
    if (verdict.kind === 'gone') {
      this.counters.staleReports(1);
      return 'gone';
    }
    const end = { outcome, exitCode, usage, result, error, ...more };
    ctx.commit(
      adoptFinish(this.state, verdict.entry, worker, fenceOf(ctx.epoch, ++this.#fences), end),
      undefined,
      bytesOf(report),
    );
    this.counters.adoptedReports(1);
    return 'ok';
  }

  #judgeLate(ctx: RoleContext): void {
    for (const { worker, report } of this.#late.take()) {
      const status = this.#lateReport(worker, report, ctx);
      if (status === null) continue;
      ctx.effect(() => {
        const gateway = this.state.workers.get(worker)?.gateway;
        if (gateway !== undefined)
          ctx.outbox.answer(gateway, worker, [report[0], report[1], report[2], status]);
      });
    }
  }

  /** An attempt that did not do the task's work leaves what it last noted to the next one. */
  #endOf(lease: Lease, end: EndOfLease): LeaseEnded {
    if (end.outcome === 'ok') return endOf(lease, end);
    return endOf(lease, { ...end, checkpoint: end.checkpoint ?? this.#checkpoints.get(lease) });
  }

  #notes(worker: WorkerId, sent: readonly unknown[], ctx: RoleContext): void {
    const progress = new Map<number, (readonly [string, number, number])[]>();
    for (const one of sent) {
      const note = this.#read(worker, one, readNote);
      if (note === null) continue;
      const [task, attempt, fence, share, checkpoint]: Note = note;
      const lease = this.state.leases.get(task as TaskId);
      if (lease === undefined || !this.#holds(worker, task, attempt, fence)) continue;
      if (checkpoint !== undefined) this.#checkpoints.set(lease, checkpoint);
      if (share === null) continue;
      const ofOwner = progress.get(lease.p);
      if (ofOwner === undefined) progress.set(lease.p, [[task, fence, share]]);
      else ofOwner.push([task, fence, share]);
    }
    for (const [p, of] of progress) ctx.tell(commands.tasks(p), { op: 'progress', of } satisfies TaskCommand);
  }

  #bye(id: WorkerId, ctx: RoleContext): void {
    const worker = this.state.workers.get(id);
    if (worker === undefined) return;
    const events: DomainEvent[] = worker.held.all.map((lease) =>
      this.#endOf(lease, { outcome: 'lost', error: 'the worker left' }),
    );
    events.push({ type: 'WorkerGone', worker: id, why: 'left' });
    ctx.commit(events);
    this.#presence.forget(id);
  }

  #withdraw(leases: Extract<LeaseCommand, { op: 'withdraw' }>['leases'], ctx: RoleContext): void {
    for (const { task, attempt, fence, reason } of leases) {
      const lease = this.state.leases.get(task as TaskId);
      if (lease?.fence !== fence || lease.attempt !== attempt || this.#dying.has(lease)) continue;
      this.#kill(lease, reason, ctx);
      // A cancelled attempt ends when its worker says so, or at the tick when it does not; a withdrawn one never began.
      if (reason === 'cancelled') this.#dying.set(lease, this.clock.monotonic() + KILL_PATIENCE_MS);
      else ctx.commit([endOf(lease, { outcome: reason })]);
    }
  }

  #kill(lease: Lease, reason: KillOrder[3], ctx: RoleContext): void {
    const gateway = this.state.workers.get(lease.worker)?.gateway;
    if (gateway !== undefined)
      ctx.effect(() => {
        ctx.outbox.kill(gateway, lease.worker, [lease.task, lease.attempt, lease.fence, reason]);
      });
  }

  #handle(command: LeaseCommand, ctx: RoleContext): Promise<Reply<unknown>> | Reply<unknown> {
    switch (command.op) {
      case 'withdraw':
        this.#withdraw(command.leases, ctx);
        return { ok: true, value: null };
      case 'workers':
        return { ok: true, value: this.#views.workers() };
      case 'capacity':
        return { ok: true, value: this.#views.capacity(this.clock.now()) };
      case 'cordon':
      case 'drain': {
        if (command.op === 'drain' && ctx.level < 2)
          return { ok: false, rejection: levelTooLow('a drain with a deadline', 2, ctx.level) };
        const worker = this.state.workers.get(command.worker as WorkerId);
        if (worker === undefined)
          return {
            ok: false,
            rejection: { code: 'not-found', detail: `there is no worker ${command.worker}` },
          };
        return new Promise((resolve) => {
          if (command.op === 'drain') this.#drains.begin(worker.id);
          const event: DomainEvent =
            command.op === 'cordon'
              ? { type: 'WorkerCordoned', worker: worker.id, cordoned: command.cordoned }
              : {
                  type: 'WorkerDraining',
                  worker: worker.id,
                  forMs: command.forMs,
                  onDeadline: command.onDeadline,
                };
          ctx.commit([event], () => {
            resolve({ ok: true, value: this.#views.worker(worker) });
          });
        });
      }
      case 'audit': {
        const value = this.#audit.answer(command);
        return new Promise((resolve) => {
          ctx.effect(() => {
            resolve({ ok: true, value });
          });
        });
      }
      case 'maintenance':
        return this.#maintenance(command.forMs, ctx);
      case 'why':
        return { ok: true, value: this.#views.why(command.id as TaskId, this.#noFit) };
      default:
        return { ok: true, value: null };
    }
  }

  #maintenance(forMs: number, ctx: RoleContext): Promise<Reply<MaintenanceView>> | Reply<MaintenanceView> {
    if (!(forMs > 0 && forMs <= MAX_MAINTENANCE_MS))
      return {
        ok: false,
        rejection: {
          code: 'invalid-request',
          detail: `a maintenance lasts at most ${String(MAX_MAINTENANCE_MS / 60_000)} minutes`,
        },
      };
    if (ctx.level < 2) return { ok: false, rejection: levelTooLow('a maintenance', 2, ctx.level) };
    return new Promise((resolve) => {
      // From before it is decided on: what workers are told is never longer than what is kept here.
      this.#presence.extend(forMs, this.clock.monotonic());
      ctx.commit([{ type: 'LeasesExtended', forMs }], () => {
        const { leases, workers } = this.state;
        resolve({ ok: true, value: { forMs, workers: workers.size, leases: leases.size } });
      });
    });
  }
}

/** Rough size of what of a report is sealed. */
function bytesOf([, , , , , , result, error, more]: Report): number {
  if (result === null && error === null && more === undefined) return 0;
  return roughSize(result) + roughSize(error) + (more === undefined ? 0 : roughSize(more));
}

const welcomeOf = ({ epoch }: RoleContext, { incarnation }: Pick<JoinMessage, 'incarnation'>): Welcome => ({
  epoch,
  incarnation,
  heartbeatMs: HEARTBEAT_MS,
  ttlMs: LEASE_TTL_MS,
});

function sameOffer(worker: CellWorker, join: JoinMessage): boolean {
  return (
    JSON.stringify([worker.capacity, [...worker.handlers], worker.labels, worker.name]) ===
    JSON.stringify([join.capacity, join.handlers, join.labels, join.name])
  );
}
