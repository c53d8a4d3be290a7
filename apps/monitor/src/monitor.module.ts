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
import { MonitorRole } from './monitor.role.js';

const POST_TIMEOUT_MS = 5_000;

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
    const post = (alert: AlertView): void => {
      if (config.alertWebhook === null) return;
      const request = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(alert),
        signal: AbortSignal.timeout(POST_TIMEOUT_MS),
      };
      fetch(config.alertWebhook, request).catch((error: unknown) => {
        logger.warn({ err: error, alert: alert.id }, 'the alert webhook did not take an alert');
      });
    };
    const sinks = {
      raised: (alert: AlertView) => {
        logger.warn({ alert: alert.id, kind: alert.kind, action: alert.action }, alert.message);
        post(alert);
      },
      cleared: (alert: AlertView) => {
        logger.info({ alert: alert.id, kind: alert.kind }, 'alert cleared');
        post(alert);
      },
      seen: (capacity: CapacityView, queues: readonly QueueView[]) => {
        gauge(metrics, capacity, queues);
      },
    };
    registry.offer(() => [new MonitorRole(clock, bus, sinks)]);
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
