import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type {
  AttemptResponse,
  CancelResponse,
  EventResponse,
  GraphResponse,
  Page,
  TaskResponse,
  WhyResponse,
} from '@yardmaster/contracts';
import type { Caller } from '../../auth/caller.js';
import { TaskHistory } from '../../tasks/task-history.js';
import { TaskReads } from '../../tasks/task-reads.js';
import { WorkflowReads } from '../../tasks/workflow-reads.js';
import { CallerParam, JsonBody } from '../caller.decorator.js';

/** Questions about tasks. Submitting, waiting and streaming are routes of their own (submit-routes, read-routes). */
@Controller('v1/tasks')
export class TasksController {
  constructor(
    @Inject(TaskReads) private readonly tasks: TaskReads,
    @Inject(TaskHistory) private readonly history: TaskHistory,
    @Inject(WorkflowReads) private readonly workflows: WorkflowReads,
  ) {}

  @Get()
  list(@CallerParam() caller: Caller, @Query() query: unknown): Promise<Page<TaskResponse>> {
    return this.tasks.list(caller, query);
  }

  @Post(':id/cancel')
  @HttpCode(202)
  cancel(@CallerParam() caller: Caller, @Param('id') id: string): Promise<CancelResponse> {
    return this.tasks.cancel(caller, id);
  }

  @Post(':id/force-end')
  @HttpCode(200)
  forceEnd(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @JsonBody() body: unknown,
  ): Promise<CancelResponse> {
    return this.tasks.forceEnd(caller, id, body);
  }

  @Get(':id/why')
  why(@CallerParam() caller: Caller, @Param('id') id: string): Promise<WhyResponse> {
    return this.tasks.why(caller, id);
  }

  @Get(':id/events')
  async events(@CallerParam() caller: Caller, @Param('id') id: string): Promise<{ items: EventResponse[] }> {
    const { endedAt } = await this.tasks.get(caller, id, 0, null);
    return { items: await this.history.of(id, endedAt === null ? null : Date.parse(endedAt)) };
  }

  @Get(':id/attempts')
  attempts(@CallerParam() caller: Caller, @Param('id') id: string): Promise<{ items: AttemptResponse[] }> {
    return this.tasks.attempts(caller, id);
  }

  @Get(':id/upstream')
  upstream(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Query() query: unknown,
  ): Promise<GraphResponse> {
    return this.workflows.around(caller, id, 'upstream', query);
  }

  @Get(':id/downstream')
  downstream(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Query() query: unknown,
  ): Promise<GraphResponse> {
    return this.workflows.around(caller, id, 'downstream', query);
  }
}
