import { Inject, Module } from '@nestjs/common';
import type { AlertView } from '@yardmaster/contracts';
import type { Clock } from '@yardmaster/kernel';
import {
  BUS,
  CLOCK,
  CONFIG,
  LOGGER,
  RoleRegistry,
  type Bus,
  type Logger,
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
    };
    registry.offer(() => [new MonitorRole(clock, bus, sinks)]);
  }
}
