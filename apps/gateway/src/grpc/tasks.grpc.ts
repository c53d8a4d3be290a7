import type { Metadata, ServerUnaryCall } from '@grpc/grpc-js';
import { Controller, Inject, UseFilters } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { LIMITS } from '@yardmaster/contracts';
import { Admission } from '../admission/admission.js';
import { QueryReader } from '../body/page-query.js';
import { LogHeads } from '../events/log-heads.js';
import { TaskReads } from '../tasks/task-reads.js';
import { GrpcEntry, GrpcProblemFilter, cancelSignal } from './grpc-entry.js';
import { protoTask, taskBody, type ProtoTaskSpec } from './messages.js';

interface ById {
  readonly id?: string;
  readonly timeout?: string;
}

/** `yardmaster.v1.Tasks`: the same verbs, checks and answers as over HTTP. */
@Controller()
@UseFilters(GrpcProblemFilter)
export class TasksGrpc {
  constructor(
    @Inject(GrpcEntry) private readonly entry: GrpcEntry,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(TaskReads) private readonly tasks: TaskReads,
    @Inject(LogHeads) private readonly heads: LogHeads,
  ) {}

  @GrpcMethod('Tasks', 'Submit')
  async submit(
    request: { task?: ProtoTaskSpec; idempotencyKey?: string },
    metadata: Metadata,
  ): Promise<unknown> {
    const caller = await this.entry.caller(metadata, 'submitTasks');
    const body = taskBody(request.task);
    const position = await this.heads.position();
    const { id, state } = await this.admission.submitTask(
      body,
      this.entry.submission(caller, metadata, request.idempotencyKey, JSON.stringify(body).length),
    );
    return { id, state, position };
  }

  @GrpcMethod('Tasks', 'Get')
  async get({ id }: ById, metadata: Metadata): Promise<unknown> {
    const caller = await this.entry.caller(metadata, 'getTask');
    return protoTask(await this.tasks.get(caller, id ?? '', 0, null));
  }

  @GrpcMethod('Tasks', 'Wait')
  async wait(
    { id, timeout }: ById,
    metadata: Metadata,
    call: ServerUnaryCall<unknown, unknown>,
  ): Promise<unknown> {
    const caller = await this.entry.caller(metadata, 'getTask');
    return protoTask(await this.tasks.get(caller, id ?? '', waitMsOf(timeout), cancelSignal(call)));
  }

  @GrpcMethod('Tasks', 'List')
  async list(query: Record<string, unknown>, metadata: Metadata): Promise<unknown> {
    const caller = await this.entry.caller(metadata, 'listTasks');
    const { items, nextCursor } = await this.tasks.list(caller, textQuery(query));
    return { items: items.map(protoTask), ...(nextCursor === null ? {} : { nextCursor }) };
  }

  @GrpcMethod('Tasks', 'Cancel')
  async cancel({ id }: ById, metadata: Metadata): Promise<unknown> {
    const caller = await this.entry.caller(metadata, 'cancelTask');
    return await this.tasks.cancel(caller, id ?? '');
  }
}

export function waitMsOf(timeout: string | undefined): number {
  const reader = new QueryReader({ timeout: timeout ?? `${String(LIMITS.waitMs)}ms` }, ['timeout']);
  const waitMs = reader.waitMs('timeout');
  reader.done();
  return waitMs;
}

/** Fields of a list request as HTTP's query would carry them. */
export function textQuery(query: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([name, value]) => [name, String(value)]),
  );
}
