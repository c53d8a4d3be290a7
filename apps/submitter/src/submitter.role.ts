import {
  commands,
  followedBy,
  fromWire,
  levelTooLow,
  rejection,
  snapshotForms,
  streams,
  unpack,
  type Envelope,
  type LeaseCommand,
  type Reply,
  type SubmitCommand,
  type SubmitReply,
  type TaskCommand,
  type WireSubmit,
} from '@yardmaster/contracts';
import type { BlobStore } from '@yardmaster/ports';
import {
  type AttemptRecord,
  decideDue,
  decideEnd,
  decideForceEnd,
  decideSubmit,
  type DomainEvent,
  evolvePartition,
  isEnded,
  KEEP_ENDED_MS,
  liveAttempt,
  neighbourhood,
  nextDue,
  PartitionState,
  type TaskRecord,
  type WorkflowRecord,
  YOUNG_MS,
} from '@yardmaster/domain';
import { roughSize, type TaskId, type WorkflowId } from '@yardmaster/kernel';
import type { CommandHandlers, EventOrigin, LogPlace, Role, RoleContext } from '@yardmaster/service-kit';
import { eventsOfPartition } from './by-partition.js';
import type { IdSource } from './id-source.js';
import { TaskAudit } from './owner-audit.js';
import { explainRefusal } from './submit-command.js';
import { endOfTask, viewAround, viewTask, viewWorkflow, workOf } from './task-views.js';

const HOUSEKEEPING_MS = 10_000;
/** Tasks that housekeeping looks at whether they wait: 10 ms of work at most. */
const LOOKS = 20_000;
/** A lease that was to end and has not by then is asked for again: the word may have been lost. */
const WITHDRAW_AGAIN_MS = 3_000;
/** Nodes hear within this time, mostly, that the cluster was raised. */
const RAISE_HEARD_MS = 1_000;

/** Counts for metrics; never part of a decision. */
export interface SubmitterCounters {
  submitted(tasks: number): void;
  /** Tasks that ended in this state, those that needed them included. */
  ended(state: string, tasks: number): void;
}

const UNCOUNTED: SubmitterCounters = { submitted: () => undefined, ended: () => undefined };

export interface SubmitterTracing {
  /** Spans of a sampled task: admission, and each attempt from grant to end. Null when it is not sampled. */
  submitted(traceparent: string | null, ids: readonly string[]): void;
  assignment(task: string, attempt: number, worker: string): string | null;
  attemptEnded(task: string, outcome: string): void;
  ended(task: string, state: string): void;
}

/**
 * Owner of one partition's tasks and workflows: admits them, releases children, hands attempts to workers and records how
 * tasks end. Follows the queue (given up, visible again) and the leases (granted, ended).
 */
export class SubmitterRole implements Role {
  readonly name: string;
  readonly stream: string;
  readonly follows = followedBy.submitter;
  readonly state: PartitionState;
  readonly snapshot;
  readonly serves: CommandHandlers;
  readonly #audit: TaskAudit;
  /** Gateways that wait for a task or a workflow to end. */
  readonly #waiters = new Map<string, Set<string>>();
  /** Leases that the resource manager was asked to end, by fence, while they are live. */
  readonly #withdrawing = new Map<TaskRecord, number>();
  #withdrawAgainAt = Infinity;
  /** Ends of this round, by state. */
  readonly #ended = new Map<string, number>();
  /** Measured, never folded: what running attempts say of themselves. */
  readonly #progress = new Map<TaskId, { readonly fence: number; readonly share: number }>();
  #dirty = true;
  #housekeepingAt = 0;

  constructor(
    partition: number,
    private readonly ids: IdSource,
    private readonly tracing: SubmitterTracing,
    private readonly blobs: Pick<BlobStore, 'get'>,
    private readonly counters: SubmitterCounters = UNCOUNTED,
  ) {
    this.name = `submitter/${String(partition)}`;
    this.stream = streams.tasks(partition);
    this.state = new PartitionState(partition);
    this.snapshot = snapshotForms.partition(this.state);
    this.#audit = new TaskAudit(this.state);
    this.serves = { [commands.tasks(partition)]: (body: TaskCommand, ctx) => this.#handle(body, ctx) };
  }

  concerns(envelope: Envelope): readonly DomainEvent[] {
    return eventsOfPartition(envelope, this.state.partition);
  }

  apply(event: DomainEvent, from: EventOrigin): void {
    evolvePartition(this.state, event, from);
    if (event.type === 'LeaseEnded') this.tracing.attemptEnded(event.task, event.outcome);
    this.#dirty = true;
  }

  takeOver(): void {
    void this.ids.ready();
  }

  advance(ctx: RoleContext): void {
    const now = ctx.now();
    if (this.#dirty) {
      this.#dirty = false;
      this.#settle(ctx);
      this.#dispatch(ctx, now);
      // What came in now waits by then, or has ended.
      if (this.state.tasks.isWorthALook) ctx.wakeAt(Math.max(now, this.#housekeepingAt));
    }
    if (this.state.due.size > 0) {
      if (nextDue(this.state) <= now) ctx.commit(decideDue(this.state, now));
      ctx.wakeAt(nextDue(this.state));
    }
    if (now >= this.#withdrawAgainAt) this.#withdrawAgain(ctx, now);
    if (now >= this.#housekeepingAt) {
      this.#housekeepingAt = now + HOUSEKEEPING_MS;
      this.#forgetEnded(now);
      this.state.tasks.packWaiting(now - YOUNG_MS, { looks: LOOKS });
      const { endedHead, ended, tasks } = this.state;
      if (ended.length > endedHead || tasks.isWorthALook) ctx.wakeAt(this.#housekeepingAt);
    }
  }

  #handle(command: TaskCommand, ctx: RoleContext): Promise<Reply<unknown>> | Reply<unknown> {
    switch (command.op) {
      case 'submit':
        return this.#submit(fromWire(command), ctx);
      case 'submit-blob':
        return this.#submitBlob(command.tenant, command.sha256, ctx);
      case 'get':
        return this.#read(ctx, () => this.#getTask(command.id, command.tenant, command.waiter));
      case 'cancel':
        return this.#cancel(command.id, command.tenant, command.user, ctx);
      case 'force-end':
        return this.#forceEnd(command, ctx);
      case 'get-workflow':
        return this.#read(ctx, () => this.#getWorkflow(command.id, command.tenant, command.waiter));
      case 'around': {
        const task = this.#find(command.id, command.tenant);
        if (task === null) return notFound(`task ${command.id}`);
        const view = viewAround(neighbourhood(task, command.direction, command.depth));
        return this.#read(ctx, () => ({ ok: true, value: view }));
      }
      case 'audit':
        return this.#read(ctx, () => ({ ok: true, value: this.#audit.answer(command) }));
      case 'progress':
        this.#noteProgress(command.of);
        return { ok: true, value: null };
      case 'cancel-workflow':
        return this.#cancelWorkflow(command.id, command.tenant, command.user, ctx);
      default:
        return { ok: false, rejection: rejection('invalid-request', 'unknown command') };
    }
  }

  async #submitBlob(tenant: number, sha256: string, ctx: RoleContext): Promise<Reply<SubmitReply>> {
    const bytes = await this.blobs.get(tenant, sha256);
    if (bytes === null)
      return {
        ok: false,
        rejection: rejection(
          'unavailable',
          'the body of this submission cannot be read here just now; try again shortly',
        ),
      };
    return await this.#submit(fromWire(unpack(bytes) as WireSubmit), ctx);
  }

  async #submit(command: SubmitCommand, ctx: RoleContext): Promise<Reply<SubmitReply>> {
    const started = this.ids.mint(ctx.now());
    if (started === null) {
      await this.ids.ready();
      if (this.ids.mint(ctx.now()) === null)
        return {
          ok: false,
          rejection: rejection('unavailable', 'no ids to be had just now; try again shortly', {
            retryAfter: 1,
          }),
        };
    }
    return await new Promise((resolve) => {
      this.#admit(command, ctx, resolve);
    });
  }

  #admit(command: SubmitCommand, ctx: RoleContext, resolve: (reply: Reply<SubmitReply>) => void): void {
    const mint = (): TaskId => {
      const id = this.ids.mint(ctx.now());
      if (id === null) throw new Error('ran out of ids inside one submission');
      return id;
    };
    if (ctx.level < 2 && command.specs.some(({ leaseTtlMs }) => leaseTtlMs !== undefined)) {
      resolve({ ok: false, rejection: levelTooLow('a lease time of a task', 2, ctx.level) });
      return;
    }
    const decided = decideSubmit(this.state, command, mint, ctx.now());
    if (!decided.ok) {
      resolve({ ok: false, rejection: explainRefusal(decided.error, command) });
      return;
    }
    const { ids, workflow } = decided.value;
    const reply = (place: LogPlace, repeated: boolean): void => {
      resolve({ ok: true, value: { ids, workflow, stream: place.stream, seq: place.seq, repeated } });
    };
    if (command.waiter !== null)
      for (const id of workflow === null ? ids : [workflow]) this.#wait(id, command.waiter);
    if (decided.value.kind === 'repeated') {
      ctx.effect(() => {
        reply({ stream: this.stream, seq: 0 }, true);
      });
      return;
    }
    ctx.commit(
      decided.value.events,
      (place) => {
        reply(place, false);
      },
      contentBytes(command),
    );
    this.counters.submitted(ids.length);
    if (command.traceparent !== null) this.tracing.submitted(command.traceparent, ids);
  }

  /** Answers are given when all that they rest on is on disk. */
  #read<T>(ctx: RoleContext, view: () => Reply<T>): Promise<Reply<T>> {
    return new Promise((resolve) => {
      const answer = view();
      ctx.effect(() => {
        resolve(answer);
      });
    });
  }

  #find(id: string, tenant: number | null): TaskRecord | null {
    const task = this.state.tasks.get(id as TaskId);
    return task === undefined || (tenant !== null && task.tenant !== tenant) ? null : task;
  }

  #findWorkflow(id: string, tenant: number | null): WorkflowRecord | null {
    const workflow = this.state.workflows.get(id as WorkflowId);
    return workflow === undefined || (tenant !== null && workflow.tenant !== tenant) ? null : workflow;
  }

  #getTask(id: string, tenant: number | null, waiter: string | null): Reply<unknown> {
    const task = this.#find(id, tenant);
    if (task === null) return notFound(`task ${id}`);
    if (waiter !== null && !isEnded(task.state)) this.#wait(id, waiter);
    const said = this.#progress.get(task.id);
    const share = said?.fence === liveAttempt(task)?.fence ? said?.share : null;
    return { ok: true, value: viewTask(task, share ?? null) };
  }

  #noteProgress(of: Extract<TaskCommand, { op: 'progress' }>['of']): void {
    for (const [id, fence, share] of of) {
      const task = this.state.tasks.get(id as TaskId);
      if (task !== undefined && liveAttempt(task)?.fence === fence)
        this.#progress.set(task.id, { fence, share });
    }
  }

  #getWorkflow(id: string, tenant: number | null, waiter: string | null): Reply<unknown> {
    const workflow = this.#findWorkflow(id, tenant);
    if (workflow === null) return notFound(`workflow ${id}`);
    if (waiter !== null && workflow.state === 'running') this.#wait(id, waiter);
    return { ok: true, value: viewWorkflow(workflow) };
  }

  #cancel(
    id: string,
    tenant: number | null,
    user: number,
    ctx: RoleContext,
  ): Promise<Reply<unknown>> | Reply<unknown> {
    const task = this.#find(id, tenant);
    if (task === null) return notFound(`task ${id}`);
    // An attempt that ended well before anyone asked wins the race, though its task's end is not written yet.
    if (isEnded(task.state) || this.state.toSettle.has(task))
      return {
        ok: false,
        rejection: rejection('already-ended', `task ${id} has already ended as ${task.state}`),
      };
    return new Promise((resolve) => {
      const done = (): void => {
        resolve({ ok: true, value: { id, state: task.state } });
      };
      if (task.cancelRequested) ctx.effect(done);
      else ctx.commit([{ type: 'CancelRequested', id: task.id, user }], done);
    });
  }

  /** For tasks that nothing else ends: whoever still runs it is fenced, and what it says later is refused. */
  #forceEnd(
    { id, tenant, user, reason }: Extract<TaskCommand, { op: 'force-end' }>,
    ctx: RoleContext,
  ): Promise<Reply<unknown>> | Reply<unknown> {
    const task = this.#find(id, tenant);
    if (task === null) return notFound(`task ${id}`);
    const events = this.state.toSettle.has(task)
      ? null
      : decideForceEnd(task, `forced to end by user ${String(user)}: ${reason}`);
    if (events === null)
      return {
        ok: false,
        rejection: rejection('already-ended', `task ${id} has already ended as ${task.state}`),
      };
    const isLive = liveAttempt(task) !== null;
    return new Promise((resolve) => {
      this.#commitEnd(task, events, ctx, () => {
        resolve({ ok: true, value: { id, state: task.state } });
      });
      if (isLive) this.#withdraw([task], ctx, ctx.now());
    });
  }

  #cancelWorkflow(
    id: string,
    tenant: number | null,
    user: number,
    ctx: RoleContext,
  ): Promise<Reply<unknown>> | Reply<unknown> {
    const workflow = this.#findWorkflow(id, tenant);
    if (workflow === null) return notFound(`workflow ${id}`);
    if (workflow.state !== 'running')
      return {
        ok: false,
        rejection: rejection('already-ended', `workflow ${id} has already ended as ${workflow.state}`),
      };
    const open = workflow.tasks.filter(
      (task) => !isEnded(task.state) && !task.cancelRequested && !this.state.toSettle.has(task),
    );
    return new Promise((resolve) => {
      const events: DomainEvent[] = open.map((task) => ({ type: 'CancelRequested', id: task.id, user }));
      const done = (): void => {
        resolve({ ok: true, value: { id, cancelled: events.length } });
      };
      if (events.length === 0) ctx.effect(done);
      else ctx.commit(events, done);
    });
  }

  #settle(ctx: RoleContext): void {
    const { toSettle, toFail, toCancel } = this.state;
    if (toSettle.size === 0 && toFail.size === 0 && toCancel.size === 0) return;
    const live: TaskRecord[] = [];
    for (const task of toCancel) {
      if (liveAttempt(task) !== null) live.push(task);
      else this.#end(task, ctx);
      toCancel.delete(task);
    }
    for (const task of toSettle) {
      this.#end(task, ctx);
      toSettle.delete(task);
    }
    for (const task of toFail) {
      // That it is quarantined says that the cluster was raised, of which this process hears in a moment.
      if (ctx.level < 2 && this.state.toBury.has(task)) {
        this.#dirty = true;
        ctx.wakeAt(ctx.now() + RAISE_HEARD_MS);
        continue;
      }
      this.#end(task, ctx);
      toFail.delete(task);
    }
    if (live.length > 0) this.#withdraw(live, ctx, ctx.now());
    for (const [state, tasks] of this.#ended) this.counters.ended(state, tasks);
    this.#ended.clear();
  }

  /** A later lease of the same task is another matter: it may be wanted. */
  #withdrawAgain(ctx: RoleContext, now: number): void {
    for (const [task, fence] of this.#withdrawing)
      if (liveAttempt(task)?.fence !== fence) this.#withdrawing.delete(task);
    this.#withdraw([...this.#withdrawing.keys()], ctx, now);
  }

  /** Asks the resource manager to end the live leases of tasks that are cancelled, ended, or were never released. */
  #withdraw(tasks: Iterable<TaskRecord>, ctx: RoleContext, now: number): void {
    const leases: Extract<LeaseCommand, { op: 'withdraw' }>['leases'][number][] = [];
    for (const task of tasks) {
      const live = liveAttempt(task);
      if (live === null) {
        this.#withdrawing.delete(task);
        continue;
      }
      this.#withdrawing.set(task, live.fence);
      // Only an attempt that may run by now is given time to say how it ended.
      leases.push({
        task: task.id,
        attempt: live.attempt,
        fence: live.fence,
        reason: task.state === 'cancelling' ? 'cancelled' : 'withdrawn',
      });
    }
    this.#withdrawAgainAt = leases.length === 0 ? Infinity : now + WITHDRAW_AGAIN_MS;
    if (leases.length === 0) return;
    ctx.wakeAt(this.#withdrawAgainAt);
    // A commit of its own first: to an owner that does not know yet that another has its place, every task which that one
    // released since seems unwanted, and a lease that it takes back is granted anew at once, and taken back, and so on.
    ctx.commit([], () => {
      ctx.tell(commands.leases(), { op: 'withdraw', leases } satisfies LeaseCommand);
    });
  }

  #count(state: string, tasks: number): void {
    if (tasks > 0) this.#ended.set(state, (this.#ended.get(state) ?? 0) + tasks);
  }

  #end(task: TaskRecord, ctx: RoleContext): void {
    const events = decideEnd(this.state, task, ctx.now());
    if (events !== null) this.#commitEnd(task, events, ctx);
  }

  #commitEnd(task: TaskRecord, events: readonly DomainEvent[], ctx: RoleContext, done?: () => void): void {
    ctx.commit(
      events,
      this.#waiters.size === 0 && done === undefined
        ? undefined
        : () => {
            for (const event of events) this.#tellEnded(event, ctx);
            done?.();
          },
      endBytes(events),
    );
    this.tracing.ended(task.id, task.state);
    if (this.#progress.size > 0) this.#progress.delete(task.id);
    this.#count(task.state, 1);
    const [end] = events;
    if (end?.type === 'TaskFailed' || end?.type === 'TaskCancelled')
      this.#count('upstream_failed', end.upstreamFailed.length);
  }

  #tellEnded(event: DomainEvent, ctx: RoleContext): void {
    if (event.type === 'WorkflowEnded') {
      const workflow = this.state.workflows.get(event.id);
      for (const gateway of this.#takeWaiters(event.id))
        ctx.outbox.ended(gateway, [event.id, event.tenant, event.state, null, null, workflow?.endedAt ?? 0]);
      return;
    }
    if (event.type !== 'TaskSucceeded' && event.type !== 'TaskFailed' && event.type !== 'TaskCancelled')
      return;
    const ids = event.type === 'TaskSucceeded' ? [event.id] : [event.id, ...event.upstreamFailed];
    for (const id of ids) {
      const task = this.state.tasks.get(id);
      if (task !== undefined)
        for (const gateway of this.#takeWaiters(id)) ctx.outbox.ended(gateway, endOfTask(task));
    }
  }

  #dispatch(ctx: RoleContext, now: number): void {
    const { toDispatch } = this.state;
    if (toDispatch.size === 0) return;
    const ready: { readonly task: TaskRecord; readonly attempt: AttemptRecord }[] = [];
    const unwanted: TaskRecord[] = [];
    for (const task of toDispatch) {
      const attempt = liveAttempt(task);
      if (attempt === null) continue;
      if (task.state === 'running') ready.push({ task, attempt });
      else unwanted.push(task);
    }
    toDispatch.clear();
    if (unwanted.length > 0) this.#withdraw(unwanted, ctx, now);
    if (ready.length === 0) return;
    ctx.effect(() => {
      for (const { task, attempt } of ready) {
        const live = liveAttempt(task);
        const session = this.state.sessions.get(attempt.worker);
        // Another attempt by now: its lease may not be on disk yet, and it is handed out by itself.
        if (live !== attempt || session === undefined) continue;
        ctx.outbox.run(session.gateway, live.worker, session.incarnation, [
          task.id,
          live.attempt,
          live.fence,
          workOf(task, live, now, this.tracing.assignment(task.id, live.attempt, live.worker)),
        ]);
      }
    });
  }

  #wait(id: string, gateway: string): void {
    const known = this.#waiters.get(id);
    if (known === undefined) this.#waiters.set(id, new Set([gateway]));
    else known.add(gateway);
  }

  #takeWaiters(id: string): Iterable<string> {
    const waiting = this.#waiters.get(id);
    if (waiting === undefined) return [];
    this.#waiters.delete(id);
    return waiting;
  }

  #forgetEnded(now: number): void {
    const { ended } = this.state;
    let head = this.state.endedHead;
    for (; head < ended.length; head++) {
      const task = ended[head];
      if (task?.endedAt == null || now - task.endedAt < KEEP_ENDED_MS) break;
      if (task.workflow !== null && task.workflow.state === 'running') break;
      this.state.tasks.delete(task.id);
      if (task.workflow !== null && task.workflow.open === 0) this.state.workflows.delete(task.workflow.id);
    }
    this.state.ended = head > 10_000 ? ended.slice(head) : ended;
    this.state.endedHead = head > 10_000 ? 0 : head;
  }
}

function notFound(what: string): Reply<never> {
  return { ok: false, rejection: rejection('not-found', `there is no ${what}`) };
}

function endBytes(events: readonly DomainEvent[]): number {
  let bytes = 0;
  for (const event of events)
    if (event.type === 'TaskSucceeded' || event.type === 'TaskFailed') bytes += roughSize(event.sealed);
  return bytes;
}

/** Rough bytes of sealed content. */
function contentBytes({ tasks }: SubmitCommand): number {
  let bytes = 0;
  for (const { content } of tasks) {
    const { run } = content;
    bytes += 20 + content.name.length;
    if (run.input !== null) bytes += roughSize(run.input);
    if (run.args !== null || run.env !== null || run.command !== null || content.labels !== null)
      bytes += roughSize([run.args, run.env, run.command, content.labels]);
  }
  return bytes;
}
