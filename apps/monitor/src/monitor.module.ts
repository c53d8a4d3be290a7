import { Inject, Module } from '@nestjs/common';
import type { AlertView, CapacityView, QueueView } from '@yardmaster/contracts';
import type { Clock } from '@yardmaster/kernel';
import {
  BUS,
  CLOCK,
  CONFIG,
  LOGGER,
  METRICS,
  RoleRegistry,
  type Bus,
  type Logger,
  type Metrics,
  type YardConfig,
} from '@yardmaster/service-kit';
import { AlertWebhook } from './alert-webhook.js';
import { MonitorRole } from './monitor.role.js';

/** Watches the yard; alerts go to the log, to `/v1/alerts` and to a webhook. */
@Module({})
export class MonitorModule {
  constructor(
    @Inject(RoleRegistry) registry: RoleRegistry,
    @Inject(CLOCK) clock: Clock,
    @Inject(BUS) bus: Bus,
    @Inject(CONFIG) config: YardConfig,
    @Inject(LOGGER) logger: Logger,
    @Inject(METRICS) metrics: Metrics,
  ) {
    const { alertWebhook: url } = config;
    const webhook =
      url === null
        ? null
        : new AlertWebhook({
            url,
            onFailure: ({ id }, why) => {
              logger.warn({ alert: id, why }, 'the alert webhook did not take an alert');
            },
          });
    const sinks = {
      raised: (alert: AlertView) => {
        logger.warn({ alert: alert.id, kind: alert.kind, action: alert.action }, alert.message);
        webhook?.post(alert);
      },
      cleared: (alert: AlertView) => {
        logger.info({ alert: alert.id, kind: alert.kind }, 'alert cleared');
        webhook?.post(alert);
      },
      seen: (capacity: CapacityView, queues: readonly QueueView[]) => {
        gauge(metrics, capacity, queues);
      },
    };
    registry.offer('monitor', () => new MonitorRole(clock, bus, sinks, config.partitions));
  }
}

function gauge(metrics: Metrics, capacity: CapacityView, queues: readonly QueueView[]): void {
  for (const state of ['healthy', 'unhealthy', 'cordoned'])
    metrics.set('yard_workers', capacity.workers[state] ?? 0, { state });
  for (const [resource, total] of Object.entries(capacity.total))
    if (total > 0)
      metrics.set('yard_capacity_used_ratio', (capacity.used[resource] ?? 0) / total, { resource });
  let backingOff = 0;
  let visible = 0;
  for (const queue of queues) {
    metrics.set('yard_queue_depth', queue.visible, { queue: queue.name });
    visible += queue.visible;
    backingOff += queue.backingOff;
  }
  metrics.set('yard_waiting', backingOff, { reason: 'backing-off' });
  metrics.set('yard_waiting', visible, { reason: 'insufficient-resources' });
}
