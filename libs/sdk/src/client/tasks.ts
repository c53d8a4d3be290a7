import { randomUUID } from 'node:crypto';
import type {
  CancelResponse,
  EventResponse,
  Page,
  ResultResponse,
  SubmitTaskResponse,
  TaskRequest,
  TaskResponse,
  WhyResponse,
} from '@yardmaster/contracts';
import { durationMs } from './duration.js';
import type { Ends } from './ends.js';
import { hasEnded } from './ends.js';
import { TaskFailedError, WaitTimeoutError, YardApiError } from './errors.js';
import type { HttpChannel } from './http-channel.js';
import { paged, type ListOptions } from './paging.js';
import { submitMany, type BulkItem, type BulkOptions } from './submit-many.js';
import { TaskHandle, type WaitOptions } from './task-handle.js';

export interface SubmitOptions {
  /**
   * The same key with the same body names the same submission, so a repeat submits nothing twice. Default: a random
   * key, which makes the client's own repeats safe. `null`: none, and the client repeats only what was surely not stored.
   */
  idempotencyKey?: string | null;
  signal?: AbortSignal;
}

export interface LogOptions {
  /** Default: the last attempt. */
  attempt?: number;
  /** Default: `stdout`. */
  stream?: 'stdout' | 'stderr';
  /** Goes on until the attempt has ended. */
  follow?: boolean;
  /** First byte wanted. */
  offset?: number;
  signal?: AbortSignal;
}

export interface TaskFilter extends ListOptions {
  /** Fine state, such as `running`. */
  state?: string;
  /** `waiting`, `in_progress`, `done` or `failed`. */
  status?: string;
  queue?: string;
  /** Operators only. */
  tenant?: string;
  workflow?: string;
  /** `name=value`. */
  label?: string;
  name?: string;
  /** RFC 3339 instants of submission. */
  since?: string;
  until?: string;
  sort?: 'newest' | 'oldest';
}

/** `yard.tasks`. Errors are YardApiError unless said otherwise. */
export class Tasks {
  constructor(
    private readonly channel: HttpChannel,
    private readonly ends: Ends,
  ) {}

  /** Submits one task; when the promise is fulfilled it is in the log. */
  async submit<R = unknown>(task: TaskRequest, options: SubmitOptions = {}): Promise<TaskHandle<R>> {
    const idempotencyKey =
      options.idempotencyKey === null ? undefined : (options.idempotencyKey ?? randomUUID());
    const accepted = await this.channel.send<SubmitTaskResponse>({
      method: 'POST',
      path: '/v1/tasks',
      json: task,
      idempotencyKey,
      repeatable: idempotencyKey !== undefined,
      signal: options.signal,
    });
    return new TaskHandle<R>(this, accepted.id, accepted.position);
  }

  /**
   * Submits any number of tasks in slices of up to 10,000, some at a time. One that is refused costs only itself:
   * its item carries the error. Rejects when a whole slice is refused or its outcome is unknown.
   */
  submitMany(tasks: readonly TaskRequest[], options: BulkOptions = {}): Promise<BulkItem[]> {
    return submitMany(this.channel, tasks, options, (id, position) => new TaskHandle(this, id, position));
  }

  /** A handle for a task that was submitted elsewhere; nothing is asked. */
  handle<R = unknown>(id: string): TaskHandle<R> {
    return new TaskHandle<R>(this, id, '');
  }

  get(id: string): Promise<TaskResponse> {
    return this.channel.send({ method: 'GET', path: taskPath(id), repeatable: true });
  }

  /** One page. */
  list(filter: TaskFilter = {}): Promise<Page<TaskResponse>> {
    return this.channel.send({ method: 'GET', path: '/v1/tasks', query: { ...filter }, repeatable: true });
  }

  /** All pages, one task at a time. */
  all(filter: Omit<TaskFilter, 'cursor'> = {}): AsyncGenerator<TaskResponse, void, undefined> {
    return paged((cursor) => this.list(cursor === null ? filter : { ...filter, cursor }));
  }

  cancel(id: string): Promise<CancelResponse> {
    return this.channel.send({ method: 'POST', path: `${taskPath(id)}/cancel`, repeatable: true });
  }

  /** Ends it at once as failed, for a reason (at most 500 characters); what still runs of it is fenced and killed. For tenant admins. */
  forceEnd(id: string, { reason }: { readonly reason: string }): Promise<CancelResponse> {
    return this.channel.send({
      method: 'POST',
      path: `${taskPath(id)}/force-end`,
      body: { bytes: JSON.stringify({ reason }), type: 'application/json' },
      repeatable: false,
    });
  }

  /** Why it waits: the most important reason, and what each role says. */
  why(id: string): Promise<WhyResponse> {
    return this.channel.send({ method: 'GET', path: `${taskPath(id)}/why`, repeatable: true });
  }

  /** What the log says about it. */
  async history(id: string): Promise<EventResponse[]> {
    const { items } = await this.channel.send<{ items: EventResponse[] }>({
      method: 'GET',
      path: `${taskPath(id)}/events`,
      repeatable: true,
    });
    return items;
  }

  /** The task when it has ended, however it ended. Throws WaitTimeoutError. */
  async wait(id: string, options: WaitOptions = {}): Promise<TaskResponse> {
    const timeoutMs = options.timeout === undefined ? Infinity : durationMs(options.timeout);
    const task = await this.ends.wait<TaskResponse>(taskPath(id), id, Date.now() + timeoutMs, options.signal);
    if (!hasEnded(task)) throw new WaitTimeoutError(`task ${id}`, timeoutMs);
    return task;
  }

  /** See TaskHandle.result. */
  async result<R = unknown>(id: string, options: WaitOptions = {}): Promise<R> {
    const task = await this.wait(id, options);
    if (task.status !== 'done') throw new TaskFailedError(task);
    if (!isElsewhere(task.result)) return task.result as R;
    const whole = await this.channel.send<ResultResponse>({
      method: 'GET',
      path: `${taskPath(id)}/result`,
      repeatable: true,
    });
    return whole.result as R;
  }

  /** Output of one attempt, as it comes. A broken connection is taken up where it broke. */
  async *logs(id: string, options: LogOptions = {}): AsyncGenerator<string, void, undefined> {
    const { attempt, stream = 'stdout', follow = false, signal } = options;
    const decoder = new TextDecoder();
    let offset = options.offset ?? 0;
    for (let broken = 0; ; broken++) {
      const from = offset;
      try {
        const query = {
          attempt,
          stream,
          follow: follow || undefined,
          offset: offset > 0 ? offset : undefined,
        };
        const call = {
          method: 'GET',
          path: `${taskPath(id)}/logs`,
          repeatable: true,
          signal,
          query,
        } as const;
        const body = await this.channel.stream(call, 0);
        for await (const chunk of body as AsyncIterable<Uint8Array>) {
          offset += chunk.byteLength;
          const text = decoder.decode(chunk, { stream: true });
          if (text !== '') yield text;
        }
        return;
      } catch (error) {
        if (error instanceof YardApiError && !error.retryable) throw error;
        if (signal?.aborted || (offset === from && broken >= 5)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200 * (broken + 1)));
      }
    }
  }
}

function taskPath(id: string): string {
  return `/v1/tasks/${encodeURIComponent(id)}`;
}

/** A large result lies in the blob store: `{$blob}` stands for it. */
function isElsewhere(result: unknown): boolean {
  return (
    typeof result === 'object' && result !== null && '$blob' in result && Object.keys(result).length === 1
  );
}
