import type { Metadata, ServerUnaryCall } from '@grpc/grpc-js';
import { Controller, Inject, UseFilters } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Admission } from '../admission/admission.js';
import { LogHeads } from '../events/log-heads.js';
import { WorkflowReads } from '../tasks/workflow-reads.js';
import { GrpcEntry, GrpcProblemFilter, cancelSignal } from './grpc-entry.js';
import { protoGraph, protoSummary, protoWorkflow, taskBody, type ProtoTaskSpec } from './messages.js';
import { textQuery, waitMsOf } from './tasks.grpc.js';

interface ById {
  readonly id?: string;
  readonly timeout?: string;
}
interface Submission {
  readonly name?: string;
  readonly tasks?: Record<string, ProtoTaskSpec>;
  readonly labels?: Record<string, string>;
  readonly idempotencyKey?: string;
}

/** `yardmaster.v1.Workflows`: the same verbs, checks and answers as over HTTP. */
@Controller()
@UseFilters(GrpcProblemFilter)
export class WorkflowsGrpc {
  constructor(
    @Inject(GrpcEntry) private readonly entry: GrpcEntry,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(WorkflowReads) private readonly workflows: WorkflowReads,
    @Inject(LogHeads) private readonly heads: LogHeads,
  ) {}

  @GrpcMethod('Workflows', 'Submit')
  async submit({ name, tasks, labels, idempotencyKey }: Submission, metadata: Metadata): Promise<unknown> {
    const caller = await this.entry.caller(metadata, 'submitWorkflow');
    const body = {
      ...(name === undefined ? {} : { name }),
      tasks: Object.fromEntries(Object.entries(tasks ?? {}).map(([key, spec]) => [key, taskBody(spec)])),
      ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
    };
    const position = await this.heads.position();
    const accepted = await this.admission.submitWorkflow(
      body,
      this.entry.submission(caller, metadata, idempotencyKey, JSON.stringify(body).length),
    );
    return { id: accepted.id, state: 'running', tasks: accepted.tasks, position };
  }

  @GrpcMethod('Workflows', 'Get')
  async get({ id }: ById, metadata: Metadata): Promise<unknown> {
    const caller = await this.entry.caller(metadata, 'getWorkflow');
    return protoWorkflow(await this.workflows.get(caller, id ?? '', 0, null));
  }

  @GrpcMethod('Workflows', 'Wait')
  async wait(
    { id, timeout }: ById,
    metadata: Metadata,
    call: ServerUnaryCall<unknown, unknown>,
  ): Promise<unknown> {
    const caller = await this.entry.caller(metadata, 'getWorkflow');
    return protoWorkflow(await this.workflows.get(caller, id ?? '', waitMsOf(timeout), cancelSignal(call)));
  }

  @GrpcMethod('Workflows', 'List')
  async list(query: Record<string, unknown>, metadata: Metadata): Promise<unknown> {
    const caller = await this.entry.caller(metadata, 'listWorkflows');
    const { items, nextCursor } = await this.workflows.list(caller, textQuery(query));
    return { items: items.map(protoSummary), ...(nextCursor === null ? {} : { nextCursor }) };
  }

  @GrpcMethod('Workflows', 'Graph')
  async graph({ id }: ById, metadata: Metadata): Promise<unknown> {
    const caller = await this.entry.caller(metadata, 'workflowGraph');
    return protoGraph(await this.workflows.graphOf(caller, id ?? ''));
  }

  @GrpcMethod('Workflows', 'Cancel')
  async cancel({ id }: ById, metadata: Metadata): Promise<unknown> {
    const caller = await this.entry.caller(metadata, 'cancelWorkflow');
    return await this.workflows.cancel(caller, id ?? '');
  }
}
