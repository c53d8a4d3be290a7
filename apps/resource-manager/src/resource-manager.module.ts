import { Inject, Module } from '@nestjs/common';
import type { Clock } from '@yardmaster/kernel';
import { pack } from '@yardmaster/contracts';
import {
  CLOCK,
  DEAD_LETTERS,
  METRICS,
  RoleRegistry,
  type DeadLetters,
  type Metrics,
} from '@yardmaster/service-kit';
import { ResourcesRole } from './resources.role.js';

/** Owner of the cell's workers and leases. */
@Module({})
export class ResourceManagerModule {
  constructor(
    @Inject(RoleRegistry) registry: RoleRegistry,
    @Inject(CLOCK) clock: Clock,
    @Inject(METRICS) metrics: Metrics,
    @Inject(DEAD_LETTERS) deadLetters: DeadLetters,
  ) {
    const counters = {
      staleReports: (n: number) => {
        metrics.count('yard_stale_reports_total', n);
      },
      adoptedReports: (n: number) => {
        metrics.count('yard_adopted_reports_total', n);
      },
      leasesLost: (n: number) => {
        metrics.count('yard_leases_lost_total', n);
      },
      badFrame: (worker: string, reason: string, what: unknown) => {
        const data = what instanceof Uint8Array ? what : pack(what);
        deadLetters.add({ where: 'session', subject: `worker ${worker}`, reason, data });
      },
    };
    const timed = {
      granted: (waitMs: number) => {
        metrics.observe('yard_queue_wait_seconds', Math.max(0, waitMs) / 1000);
      },
      ended: (runMs: number) => {
        metrics.observe('yard_task_run_seconds', Math.max(0, runMs) / 1000);
      },
    };
    registry.offer('resources/main', () => new ResourcesRole(clock, { ...counters, ...timed }));
  }
}
