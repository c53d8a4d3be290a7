import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import type {
  CancelResponse,
  GraphResponse,
  Page,
  TaskResponse,
  WorkflowSummaryResponse,
} from '@yardmaster/contracts';
import type { Caller } from '../../auth/caller.js';
import { WorkflowReads } from '../../tasks/workflow-reads.js';
import { CallerParam } from '../caller.decorator.js';

@Controller('v1/workflows')
export class WorkflowsController {
  constructor(@Inject(WorkflowReads) private readonly workflows: WorkflowReads) {}

  @Get()
  list(@CallerParam() caller: Caller, @Query() query: unknown): Promise<Page<WorkflowSummaryResponse>> {
    return this.workflows.list(caller, query);
  }

  @Get(':id/graph')
  graph(@CallerParam() caller: Caller, @Param('id') id: string): Promise<GraphResponse> {
    return this.workflows.graphOf(caller, id);
  }

  @Get(':id/tasks')
  tasks(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @Query() query: unknown,
  ): Promise<Page<TaskResponse>> {
    return this.workflows.tasksOf(caller, id, query);
  }

  @Post(':id/cancel')
  @HttpCode(202)
  cancel(@CallerParam() caller: Caller, @Param('id') id: string): Promise<CancelResponse> {
    return this.workflows.cancel(caller, id);
  }
}
