import { streams } from '@yardmaster/contracts';
import type {
  DomainEvent,
  LeaseEnded,
  LeaseGranted,
  Outcome,
  SchedulingSpec,
  TaskEvent,
  TaskSubmitted,
} from '@yardmaster/domain';
import { asTaskId, asWorkerId, asWorkflowId, type TaskId, type WorkflowId } from '@yardmaster/kernel';
import { LogScript } from './log-script.js';

/** The `n`-th id, of partition `p`: as the generator makes them, one in each ms. */
export function idOf(p: number, n: number): TaskId {
  const ms = BigInt(Date.UTC(2026, 0, 1) - Date.UTC(2024, 0, 1) + n);
  return asTaskId(String((ms << 22n) | (BigInt(p) << 16n)));
}

export const SPEC: SchedulingSpec = {
  kind: 'handler',
  handler: 'noop',
  resources: { slots: 1 },
  queue: 'default',
  classRank: 2,
  priority: 500,
  strategy: null,
  delayToleranceMs: null,
  capMs: 60_000,
  retry: { maxAttempts: 3, lostBudget: 5, initialBackoffMs: 1000, maxBackoffMs: 60_000, on: null },
  idempotent: false,
  require: {},
};

export function submittedTask(id: TaskId, more: Partial<TaskSubmitted> = {}): TaskSubmitted {
  return {
    type: 'TaskSubmitted',
    id,
    tenant: 1,
    user: 7,
    spec: 0,
    workflow: null,
    index: -1,
    rank: 0,
    parents: [],
    needs: [],
    open: 0,
    dueAt: null,
    claim: null,
    sealed: {
      name: `task ${id}`,
      key: null,
      labels: null,
      run: { script: null, scriptHash: null, command: null, args: null, env: null, input: null },
    },
    ...more,
  };
}

/** How a task's life goes, for `writeLife`. */
export interface Life {
  /** Attempts that end so before the last one. */
  readonly failures: readonly Outcome[];
  readonly end: 'succeeded' | 'failed' | 'cancelled' | 'cancelled-running' | 'open' | 'running';
  readonly isDelayed?: boolean;
  readonly result?: unknown;
}

/** Tasks, workflows and workers of one cell, told as the roles tell them: each stream by its own writer. */
export class CellScript extends LogScript {
  #n = 0;
  #fence = 0;
  #batch = 0;
  readonly #known = new Set<string>();

  nextId(p: number): TaskId {
    return idOf(p, ++this.#n);
  }

  /** Events of a partition, after its first spec. */
  tasks(p: number, events: readonly TaskEvent[]): void {
    const stream = streams.tasks(p);
    const isFirst = !this.#known.has(stream);
    this.#known.add(stream);
    this.write(stream, isFirst ? [{ type: 'SpecDefined', n: 0, spec: SPEC }, ...events] : events);
  }

  queue(events: readonly DomainEvent[]): void {
    this.write(streams.queue(), events);
  }

  leases(events: readonly DomainEvent[]): void {
    this.write(streams.leases(), events);
  }

  worker(name: string): void {
    this.leases([
      {
        type: 'WorkerJoined',
        worker: asWorkerId(name),
        incarnation: '1',
        kind: 'sdk',
        name,
        tenant: null,
        capacity: { slots: 10 },
        handlers: ['noop'],
        labels: {},
        gateway: 'g1',
      },
    ]);
  }

  queued(p: number, ids: readonly TaskId[]): void {
    this.queue([
      {
        type: 'BatchQueued',
        batch: ++this.#batch,
        batcherEpoch: 1,
        tasks: ids.map((id) => ({ id, p, tenant: 1, cls: 0, eligibleAt: 0 })),
      },
    ]);
  }

  grant(p: number, task: TaskId, attempt: number): LeaseGranted {
    return {
      type: 'LeaseGranted',
      task,
      p,
      tenant: 1,
      cls: 0,
      attempt,
      fence: 2 ** 32 + ++this.#fence,
      worker: asWorkerId('w1'),
      capMs: 60_000,
    };
  }

  end(
    { task, p, attempt, fence, worker }: LeaseGranted,
    outcome: Outcome,
    more: Partial<LeaseEnded> = {},
  ): LeaseEnded {
    return {
      type: 'LeaseEnded',
      task,
      p,
      tenant: 1,
      attempt,
      fence,
      worker,
      outcome,
      exitCode: outcome === 'ok' ? 0 : 1,
      usage: { wallMs: 12.5, cpuMs: 3, maxRssBytes: 1024 },
      sealed: outcome === 'ok' ? null : { error: `it was ${outcome}` },
      ...more,
    };
  }

  /** One lone task from its submission on. */
  life(p: number, { failures, end, isDelayed = false, result = { ok: true } }: Life): TaskId {
    const id = this.nextId(p);
    this.tasks(p, [submittedTask(id, isDelayed ? { dueAt: Date.UTC(2026, 0, 2) } : {})]);
    if (isDelayed && (end === 'open' || end === 'cancelled')) return this.#cancelled(p, id, end);
    if (isDelayed) this.tasks(p, [{ type: 'TasksDue', ids: [id] }]);
    this.queued(p, [id]);
    let attempt = 0;
    for (const outcome of failures) {
      const lease = this.grant(p, id, ++attempt);
      this.leases([lease]);
      this.leases([this.end(lease, outcome)]);
      this.queue([{ type: 'TaskBackedOff', id, p, attempt, category: outcome, until: 0 }]);
      this.queue([{ type: 'TasksVisible', ids: [id] }]);
    }
    if (end === 'open' || end === 'cancelled') return this.#cancelled(p, id, end);
    const lease = this.grant(p, id, ++attempt);
    this.leases([lease]);
    if (end === 'running') return id;
    if (end === 'cancelled-running') this.tasks(p, [{ type: 'CancelRequested', id, user: 7 }]);
    const outcome = end === 'succeeded' ? 'ok' : end === 'failed' ? 'app' : 'cancelled';
    this.leases([this.end(lease, outcome)]);
    if (end === 'succeeded')
      this.tasks(p, [{ type: 'TaskSucceeded', id, tenant: 1, attempt, released: [], sealed: { result } }]);
    else if (end === 'failed') {
      this.queue([{ type: 'TaskGivenUp', id, p, attempt, category: 'app' }]);
      this.tasks(p, [
        {
          type: 'TaskFailed',
          id,
          tenant: 1,
          attempt,
          category: 'app',
          upstreamFailed: [],
          sealed: { error: 'it was app' },
        },
      ]);
    } else this.tasks(p, [{ type: 'TaskCancelled', id, tenant: 1, upstreamFailed: [] }]);
    return id;
  }

  /** A chain `a <- b <- ...` whose first task fails or whose tasks all succeed. */
  chain(
    p: number,
    length: number,
    end: 'succeeded' | 'failed',
  ): { readonly id: WorkflowId; readonly tasks: readonly TaskId[] } {
    const id = asWorkflowId(this.nextId(p));
    const tasks = Array.from({ length }, () => this.nextId(p));
    const submissions = tasks.map((task, i) =>
      submittedTask(task, {
        workflow: id,
        index: i,
        rank: i,
        parents: i === 0 ? [] : [i - 1],
        open: i === 0 ? 0 : 1,
        sealed: contentOf(`step ${String(i)}`),
      }),
    );
    this.tasks(p, [
      {
        type: 'WorkflowSubmitted',
        id,
        tenant: 1,
        user: 7,
        count: length,
        claim: null,
        sealed: { name: 'chain', labels: { kind: 'chain' } },
      },
      ...submissions,
    ]);
    for (const [i, task] of tasks.entries()) {
      this.queued(p, [task]);
      const lease = this.grant(p, task, 1);
      this.leases([lease, this.end(lease, end === 'failed' ? 'permanent' : 'ok')]);
      if (end === 'failed') {
        this.queue([{ type: 'TaskGivenUp', id: task, p, attempt: 1, category: 'permanent' }]);
        this.tasks(p, [
          {
            type: 'TaskFailed',
            id: task,
            tenant: 1,
            attempt: 1,
            category: 'permanent',
            upstreamFailed: tasks.slice(1),
            sealed: null,
          },
          { type: 'WorkflowEnded', id, tenant: 1, state: 'failed' },
        ]);
        break;
      }
      const next = tasks[i + 1];
      this.tasks(p, [
        {
          type: 'TaskSucceeded',
          id: task,
          tenant: 1,
          attempt: 1,
          released: next === undefined ? [] : [next],
          sealed: null,
        },
        ...(next === undefined
          ? [{ type: 'WorkflowEnded', id, tenant: 1, state: 'succeeded' } as const]
          : []),
      ]);
    }
    return { id, tasks };
  }

  #cancelled(p: number, id: TaskId, end: 'open' | 'cancelled'): TaskId {
    if (end === 'cancelled') {
      this.tasks(p, [
        { type: 'CancelRequested', id, user: 7 },
        { type: 'TaskCancelled', id, tenant: 1, upstreamFailed: [] },
      ]);
      this.queue([{ type: 'TasksRemoved', ids: [id], why: 'cancelled' }]);
    }
    return id;
  }
}

function contentOf(name: string): TaskSubmitted['sealed'] {
  return {
    name,
    key: name,
    labels: { step: name },
    run: { script: 'steps/one.sh', scriptHash: 'ab', command: null, args: null, env: null, input: null },
  };
}
