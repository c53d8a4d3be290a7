import type { Envelope } from '@yardmaster/contracts';
import type {
  DomainEvent,
  LeaseEnded,
  LeaseGranted,
  Outcome,
  SchedulingSpec,
  TaskFailed,
  TaskSubmitted,
  WorkerJoined,
  WorkflowEnd,
  WorkflowSubmitted,
} from '@yardmaster/domain';
import { Seqs, TaskChange, type EventPlace, type OwnerEnd } from './task-change.js';

export interface AttemptChange {
  readonly task: string;
  readonly fence: number;
  readonly attempt: number;
  readonly tenant: number;
  readonly worker: string;
  granted: LeaseGranted | null;
  grantedAt: number;
  ended: LeaseEnded | null;
  endedAt: number;
}

export interface WorkflowChange {
  readonly id: string;
  submitted: WorkflowSubmitted | null;
  submittedAt: number;
  state: WorkflowEnd | null;
  endedAt: number;
  readonly owner: Seqs;
}

export interface WorkerChange {
  readonly id: string;
  joined: WorkerJoined | null;
  joinedAt: number;
  isCordoned: boolean | null;
  gone: string | null;
  goneAt: number;
  /** Something about `gone` is said: that it went, or by joining that it is back. */
  saysGone: boolean;
  seq: number;
}

export interface SpecChange {
  readonly stream: string;
  readonly n: number;
  readonly spec: SchedulingSpec;
}

/**
 * Everything that a batch of envelopes changes in the tables, folded to one entry per row. Pure: no clock, no chance, no
 * reading of what the tables hold. Envelopes of one stream come in order; streams may interleave in any way.
 */
export class ReadModelFold {
  readonly tasks = new Map<string, TaskChange>();
  readonly attempts = new Map<number | string, AttemptChange>();
  readonly workflows = new Map<string, WorkflowChange>();
  readonly workers = new Map<string, WorkerChange>();
  readonly specs: SpecChange[] = [];

  /** Tasks whose end the batch tells. */
  ended = 0;

  /** Rows that the batch writes. */
  get rows(): number {
    return this.tasks.size + this.attempts.size + this.workflows.size + this.workers.size + this.specs.length;
  }

  apply({ stream, seq, at, node, epoch, events }: Envelope): void {
    // Rows keep it, and must not keep the whole envelope.
    const place = { stream, seq, at, node, epoch };
    for (const event of events) this.#apply(event, place);
  }

  #apply(event: DomainEvent, place: EventPlace): void {
    const { seq, at } = place;
    switch (event.type) {
      case 'TaskSubmitted':
        this.#submitted(event, place);
        return;
      case 'LeaseGranted':
        this.#task(event.task).granted(event, seq, at);
        this.#granted(event, at);
        return;
      case 'LeaseEnded':
        this.#task(event.task).ended(event, seq);
        this.#ended(event, at);
        return;
      case 'TaskSucceeded':
        this.#end(event.id, 'succeeded', place, null, null, event.sealed?.result ?? null);
        for (const child of event.released) this.#task(child).ownerAt(seq).isReleased = true;
        return;
      case 'BatchQueued':
        for (const task of event.tasks) this.#task(task.id).queued(seq, 'queued', null);
        return;
      case 'TaskFailed':
        this.#failed(event, place);
        return;
      case 'TaskCancelled':
        this.#end(event.id, 'cancelled', place);
        this.#upstreamFailed(event.upstreamFailed, place);
        return;
      case 'TasksDue':
        for (const id of event.ids) this.#task(id).ownerAt(seq).isDue = true;
        return;
      case 'CancelRequested':
        this.#task(event.id).ownerAt(seq).isCancelRequested = true;
        return;
      case 'TaskBackedOff':
        this.#task(event.id).queued(seq, 'backing_off', event.attempt);
        return;
      case 'TasksVisible':
        for (const id of event.ids) this.#task(id).queued(seq, 'visible', null);
        return;
      case 'TaskGivenUp':
        this.#task(event.id).queued(seq, 'given-up', event.attempt);
        return;
      case 'TasksRemoved':
        for (const id of event.ids) this.#task(id).queued(seq, 'removed', null);
        return;
      case 'SpecDefined':
        this.specs.push({ stream: place.stream, n: event.n, spec: event.spec });
        return;
      case 'WorkflowSubmitted': {
        const workflow = this.#workflow(event.id, seq);
        workflow.submitted = event;
        workflow.submittedAt = at;
        return;
      }
      case 'WorkflowEnded': {
        const workflow = this.#workflow(event.id, seq);
        if (workflow.state !== null) return;
        workflow.state = event.state;
        workflow.endedAt = at;
        return;
      }
      case 'WorkerJoined': {
        const worker = this.#worker(event.worker, seq);
        Object.assign(worker, { joined: event, joinedAt: at, gone: null, goneAt: 0, saysGone: true });
        return;
      }
      case 'WorkerCordoned':
        this.#worker(event.worker, seq).isCordoned = event.cordoned;
        return;
      case 'WorkerDraining':
        this.#worker(event.worker, seq).isCordoned = true;
        return;
      case 'WorkerGone': {
        const worker = this.#worker(event.worker, seq);
        // A worker that comes back comes uncordoned: the resource manager forgot it.
        Object.assign(worker, { isCordoned: false, gone: event.why, goneAt: at, saysGone: true });
        return;
      }
      default:
    }
  }

  #submitted(event: TaskSubmitted, place: EventPlace): void {
    const task = this.#task(event.id).ownerAt(place.seq);
    if (task.submitted !== null) return;
    task.submitted = event;
    task.place = place;
    if (event.dueAt === null) task.isDue = true;
    if (event.open === 0) task.isReleased = true;
  }

  #failed(event: TaskFailed, place: EventPlace): void {
    this.#end(
      event.id,
      event.dead === true ? 'dead' : 'failed',
      place,
      event.category,
      event.sealed?.error ?? null,
    );
    this.#upstreamFailed(event.upstreamFailed, place);
  }

  #upstreamFailed(ids: readonly string[], place: EventPlace): void {
    for (const id of ids) this.#end(id, 'upstream_failed', place);
  }

  #end(
    id: string,
    end: OwnerEnd,
    { seq, at }: EventPlace,
    category: Outcome | null = null,
    error: string | null = null,
    result: unknown = null,
  ): void {
    const task = this.#task(id).ownerAt(seq);
    if (task.end === null) this.ended++;
    task.endWith(end, at, category, error, result);
  }

  #granted(event: LeaseGranted, at: number): void {
    const attempt = this.#attempt(event);
    if (attempt.granted !== null) return;
    attempt.granted = event;
    attempt.grantedAt = at;
  }

  #ended(event: LeaseEnded, at: number): void {
    const attempt = this.#attempt(event);
    if (attempt.ended !== null) return;
    attempt.ended = event;
    attempt.endedAt = at;
  }

  #task(id: string): TaskChange {
    let task = this.tasks.get(id);
    if (task === undefined) this.tasks.set(id, (task = new TaskChange(id)));
    return task;
  }

  /** A fence is never used twice in its cell, so it nearly always names the attempt by itself. */
  #attempt({ task, fence, attempt, tenant, worker }: LeaseGranted | LeaseEnded): AttemptChange {
    let key: number | string = fence;
    let change = this.attempts.get(key);
    if (change !== undefined && change.task !== task) {
      key = `${task}/${String(fence)}`;
      change = this.attempts.get(key);
    }
    if (change === undefined) {
      this.attempts.set(
        key,
        (change = {
          task,
          fence,
          attempt,
          tenant,
          worker,
          granted: null,
          grantedAt: 0,
          ended: null,
          endedAt: 0,
        }),
      );
    }
    return change;
  }

  #workflow(id: string, seq: number): WorkflowChange {
    let workflow = this.workflows.get(id);
    if (workflow === undefined) {
      this.workflows.set(
        id,
        (workflow = { id, submitted: null, submittedAt: 0, state: null, endedAt: 0, owner: new Seqs() }),
      );
    }
    workflow.owner.add(seq);
    return workflow;
  }

  #worker(id: string, seq: number): WorkerChange {
    let worker = this.workers.get(id);
    if (worker === undefined) {
      worker = {
        id,
        joined: null,
        joinedAt: 0,
        isCordoned: null,
        gone: null,
        goneAt: 0,
        saysGone: false,
        seq,
      };
      this.workers.set(id, worker);
    }
    worker.seq = seq;
    return worker;
  }
}
