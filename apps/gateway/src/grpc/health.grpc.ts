import { Controller, Inject, UseFilters } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { YardError, rejection } from '@yardmaster/contracts';
import { BUS, CONFIG, type Bus, type YardConfig } from '@yardmaster/service-kit';
import { Observable } from 'rxjs';
import { notReady } from '../platform/platform-reads.js';
import { GrpcProblemFilter } from './grpc-entry.js';

type Health = { status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN' };

const SERVICES = ['', 'yardmaster.v1.Tasks', 'yardmaster.v1.Workflows'];
const WATCH_MS = 5_000;

/** `grpc.health.v1.Health`; needs no key, like /readyz. */
@Controller()
@UseFilters(GrpcProblemFilter)
export class HealthGrpc {
  constructor(
    @Inject(BUS) private readonly bus: Bus,
    @Inject(CONFIG) private readonly config: YardConfig,
  ) {}

  @GrpcMethod('Health', 'Check')
  async check({ service = '' }: { service?: string }): Promise<Health> {
    if (!SERVICES.includes(service))
      throw new YardError(
        rejection('not-found', `there is no service ${JSON.stringify(service.slice(0, 60))} here`),
      );
    return await this.#health();
  }

  async #health(): Promise<Health> {
    return {
      status: (await notReady(this.bus, this.config.partitions)).length === 0 ? 'SERVING' : 'NOT_SERVING',
    };
  }

  @GrpcMethod('Health', 'Watch')
  watch(request: { service?: string }): Observable<Health> {
    return new Observable((watcher) => {
      let last = '';
      const look = async (): Promise<void> => {
        const isKnown = SERVICES.includes(request.service ?? '');
        const health: Health = isKnown ? await this.#health() : { status: 'SERVICE_UNKNOWN' };
        if (health.status !== last) watcher.next(health);
        last = health.status;
      };
      void look();
      const timer = setInterval(() => void look(), WATCH_MS).unref();
      return () => {
        clearInterval(timer);
      };
    });
  }
}
