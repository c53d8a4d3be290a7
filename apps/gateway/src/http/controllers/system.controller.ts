import { Controller, Get, Header, Inject, Param, Res } from '@nestjs/common';
import { YardError, openApiDocument, rejection } from '@yardmaster/contracts';
import { BUS, CONFIG, METRICS, type Bus, type Metrics, type YardConfig } from '@yardmaster/service-kit';
import type { FastifyReply } from 'fastify';
import { readPageAsset } from '../../pages/page-assets.js';
import { metricsOfOthers } from '../../platform/metrics-of-others.js';
import { notReady } from '../../platform/platform-reads.js';
import { notFound } from '../../tasks/task-reads.js';

const VERSION = '0.1.0';
const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/** Health, metrics, the description of the interface, and the pages. */
@Controller()
export class SystemController {
  readonly #openapi = JSON.stringify(openApiDocument(VERSION));

  constructor(
    @Inject(BUS) private readonly bus: Bus,
    @Inject(CONFIG) private readonly config: YardConfig,
    @Inject(METRICS) private readonly metrics: Metrics,
  ) {}

  @Get('livez')
  livez(): { ok: true } {
    return { ok: true };
  }

  @Get('readyz')
  async readyz(): Promise<{ ready: true }> {
    const waitingFor = await notReady(this.bus, this.config.partitions);
    if (waitingFor.length === 0) return { ready: true };
    throw new YardError(
      rejection('unavailable', `not up yet: ${waitingFor.join(', ')}`, {
        retryAfter: 1,
        extra: { ready: false, waitingFor },
      }),
    );
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async metricsText(): Promise<string> {
    return await this.metrics.text(await metricsOfOthers(this.bus, this.config.node));
  }

  @Get('openapi.json')
  @Header('content-type', 'application/json; charset=utf-8')
  openapi(): string {
    return this.#openapi;
  }

  @Get('docs')
  docs(@Res() reply: FastifyReply): Promise<void> {
    return sendAsset(reply, 'docs.html');
  }

  @Get()
  status(@Res() reply: FastifyReply): Promise<void> {
    return sendAsset(reply, 'status.html');
  }

  @Get('assets/:file')
  asset(@Param('file') file: string, @Res() reply: FastifyReply): Promise<void> {
    return sendAsset(reply, file);
  }
}

async function sendAsset(reply: FastifyReply, file: string): Promise<void> {
  const asset = await readPageAsset(file);
  if (asset === null) throw notFound(file);
  await reply.headers(PAGE_HEADERS).type(asset.type).send(asset.body);
}
