import 'reflect-metadata';
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { RoleRegistry } from './role-registry.js';
import {
  ARCHIVE,
  ATTEMPT_LOGS,
  BLOBS,
  BUS,
  CLOCK,
  COMMITTED_LOG,
  CONFIG,
  DEAD_LETTERS,
  LEVEL,
  LOGGER,
  METRICS,
  type YardRuntime,
} from './tokens.js';

/** Gives every module of a process what its services share. */
@Global()
@Module({})
export class YardModule {
  static with(runtime: YardRuntime): DynamicModule {
    const parts: [symbol, unknown][] = [
      [BUS, runtime.bus],
      [COMMITTED_LOG, runtime.committed],
      [CONFIG, runtime.config],
      [LOGGER, runtime.logger],
      [LEVEL, runtime.level],
      [CLOCK, runtime.clock],
      [BLOBS, runtime.blobs],
      [ATTEMPT_LOGS, runtime.attemptLogs],
      [METRICS, runtime.metrics],
      [DEAD_LETTERS, runtime.deadLetters],
      [ARCHIVE, runtime.archive ?? null],
    ];
    const providers = [...parts.map(([provide, useValue]) => ({ provide, useValue })), RoleRegistry];
    return { module: YardModule, providers, exports: providers };
  }
}
