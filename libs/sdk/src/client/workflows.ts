import { randomUUID } from 'node:crypto';
import type {
  CancelResponse,
  GraphResponse,
  Page,
  SubmitWorkflowResponse,
  TaskResponse,
  WorkflowRequest,
  WorkflowResponse,
  WorkflowSummaryResponse,
} from '@yardmaster/contracts';
import { durationMs } from './duration.js';
import { hasEnded, type Ends } from './ends.js';
import { WaitTimeoutError } from './errors.js';
import type { HttpChannel } from './http-channel.js';
import { paged, type ListOptions } from './paging.js';
import type { WaitOptions } from './task-handle.js';
import type { SubmitOptions } from './tasks.js';

/** One submitted workflow. */
export class WorkflowHandle {
  constructor(
    private readonly workflows: Workflows,
    readonly id: string,
    /** Ids of its tasks by key. */
    readonly tasks: Readonly<Record<string, string>>,
    /** Position of the acceptance in the log. */
    readonly position: string,
  ) {}

  /** The workflow with its tasks as they are now. */
  status(): Promise<WorkflowResponse> {
    return this.workflows.get(this.id);
  }

  /** The workflow when it has ended, however it ended. Throws WaitTimeoutError. */
  wait(options: WaitOptions = {}): Promise<WorkflowResponse> {
    return this.workflows.wait(this.id, options);
  }

  cancel(): Promise<CancelResponse> {
    return this.workflows.cancel(this.id);
  }

  graph(): Promise<GraphResponse> {
    return this.workflows.graph(this.id);
  }
}

/** `yard.workflows`. Errors are YardApiError unless said otherwise. */
export class Workflows {
  constructor(
    private readonly channel: HttpChannel,
    private readonly ends: Ends,
  ) {}

  /** Submits a workflow: all of it is admitted or nothing. */
  async submit(workflow: WorkflowRequest, options: SubmitOptions = {}): Promise<WorkflowHandle> {
    return this.submitText(JSON.stringify(workflow), 'application/json', options);
  }

  /** The same for a document as it was written, so that the yard sees (and refuses) doubled keys. */
  async submitText(
    text: string,
    type: 'application/json' | 'application/yaml',
    options: SubmitOptions = {},
  ): Promise<WorkflowHandle> {
    const idempotencyKey =
      options.idempotencyKey === null ? undefined : (options.idempotencyKey ?? randomUUID());
    const accepted = await this.channel.send<SubmitWorkflowResponse>({
      method: 'POST',
      path: '/v1/workflows',
      body: { bytes: text, type },
      idempotencyKey,
      repeatable: idempotencyKey !== undefined,
      signal: options.signal,
    });
    return new WorkflowHandle(this, accepted.id, accepted.tasks, accepted.position);
  }

  get(id: string): Promise<WorkflowResponse> {
    return this.channel.send({ method: 'GET', path: workflowPath(id), repeatable: true });
  }

  /** One page, without the tasks. */
  list(options: ListOptions = {}): Promise<Page<WorkflowSummaryResponse>> {
    return this.channel.send({
      method: 'GET',
      path: '/v1/workflows',
      query: { ...options },
      repeatable: true,
    });
  }

  /** Its tasks as rows of the task list, which may lag behind by a moment; all pages. */
  tasks(id: string): AsyncGenerator<TaskResponse, void, undefined> {
    return paged((cursor) =>
      this.channel.send({
        method: 'GET',
        path: `${workflowPath(id)}/tasks`,
        query: { limit: 1000, cursor: cursor ?? undefined },
        repeatable: true,
      }),
    );
  }

  graph(id: string): Promise<GraphResponse> {
    return this.channel.send({ method: 'GET', path: `${workflowPath(id)}/graph`, repeatable: true });
  }

  cancel(id: string): Promise<CancelResponse> {
    return this.channel.send({ method: 'POST', path: `${workflowPath(id)}/cancel`, repeatable: true });
  }

  /** The workflow when it has ended, however it ended. Throws WaitTimeoutError. */
  async wait(id: string, options: WaitOptions = {}): Promise<WorkflowResponse> {
    const timeoutMs = options.timeout === undefined ? Infinity : durationMs(options.timeout);
    const workflow = await this.ends.wait<WorkflowResponse>(
      workflowPath(id),
      id,
      Date.now() + timeoutMs,
      options.signal,
    );
    if (!hasEnded(workflow)) throw new WaitTimeoutError(`workflow ${id}`, timeoutMs);
    return workflow;
  }
}

function workflowPath(id: string): string {
  return `/v1/workflows/${encodeURIComponent(id)}`;
}
