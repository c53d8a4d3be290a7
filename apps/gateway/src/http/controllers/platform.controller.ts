import { Controller, Get, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common';
import type {
  CapacityView,
  MaintenanceView,
  Page,
  QueueView,
  ViewsRebuildResponse,
  ViewsVerificationResponse,
  WorkerResponse,
} from '@yardmaster/contracts';
import { YardError, rejection } from '@yardmaster/contracts';
import type { Caller } from '../../auth/caller.js';
import {
  PlatformReads,
  type AlertJson,
  type ClusterJson,
  type DeadLetterJson,
} from '../../platform/platform-reads.js';
import { Views } from '../../platform/views.js';
import { CallerParam, JsonBody } from '../caller.decorator.js';

/** Workers, queues, alerts, the cluster. */
@Controller('v1')
export class PlatformController {
  constructor(
    @Inject(PlatformReads) private readonly platform: PlatformReads,
    @Inject(Views) private readonly views: Views,
  ) {}

  @Get('workers')
  workers(@CallerParam() caller: Caller): Promise<Page<WorkerResponse>> {
    return this.platform.workers(caller);
  }

  /** Sessions begin with an upgrade, which never comes here. */
  @Get('workers/session')
  session(): never {
    throw new YardError(rejection('invalid-request', 'a worker session is a WebSocket: ask for an upgrade'));
  }

  @Get('workers/:id')
  worker(@CallerParam() caller: Caller, @Param('id') id: string): Promise<WorkerResponse> {
    return this.platform.worker(caller, id);
  }

  @Post('workers/:id/cordon')
  @HttpCode(200)
  cordon(@CallerParam() caller: Caller, @Param('id') id: string): Promise<WorkerResponse> {
    return this.platform.cordon(caller, id, true);
  }

  @Post('workers/:id/uncordon')
  @HttpCode(200)
  uncordon(@CallerParam() caller: Caller, @Param('id') id: string): Promise<WorkerResponse> {
    return this.platform.cordon(caller, id, false);
  }

  @Post('workers/:id/drain')
  @HttpCode(200)
  drain(
    @CallerParam() caller: Caller,
    @Param('id') id: string,
    @JsonBody() body: unknown,
  ): Promise<WorkerResponse> {
    return this.platform.drain(caller, id, body);
  }

  @Get('capacity')
  capacity(): Promise<CapacityView> {
    return this.platform.capacity();
  }

  @Get('queues')
  queues(): Promise<Page<QueueView>> {
    return this.platform.queues();
  }

  @Get('queues/:name')
  queue(@Param('name') name: string): Promise<QueueView> {
    return this.platform.queue(name);
  }

  @Put('queues/:name')
  putQueue(@Param('name') name: string, @JsonBody() body: unknown): Promise<QueueView> {
    return this.platform.putQueue(name, body);
  }

  @Post('queues/:name/pause')
  @HttpCode(200)
  pause(@Param('name') name: string): Promise<QueueView> {
    return this.platform.pauseQueue(name, true);
  }

  @Post('queues/:name/resume')
  @HttpCode(200)
  resume(@Param('name') name: string): Promise<QueueView> {
    return this.platform.pauseQueue(name, false);
  }

  @Get('alerts')
  alerts(): Promise<Page<AlertJson>> {
    return this.platform.alerts();
  }

  @Get('dead-letters')
  deadLetters(@Query() query: unknown): Promise<Page<DeadLetterJson>> {
    return this.platform.deadLetters(query);
  }

  @Get('cluster')
  cluster(): Promise<ClusterJson> {
    return this.platform.cluster();
  }

  @Post('admin/feature-level')
  @HttpCode(200)
  raiseLevel(): Promise<ClusterJson> {
    return this.platform.raiseLevel();
  }

  @Post('admin/maintenance')
  @HttpCode(200)
  maintenance(@JsonBody() body: unknown): Promise<MaintenanceView> {
    return this.platform.maintenance(body);
  }

  @Post('admin/verify')
  @HttpCode(200)
  verify(@Query('run') run?: string): Promise<ViewsVerificationResponse> {
    return this.views.verify(run);
  }

  @Post('admin/rebuild')
  @HttpCode(202)
  rebuild(): Promise<ViewsRebuildResponse> {
    return this.views.rebuild();
  }
}
