import { hostname } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { FEATURE_LEVEL } from '@yardmaster/contracts';
import type { YardConfig } from '@yardmaster/service-kit';
import { z } from 'zod';

/** Partitions of an installation; fixed when it is founded. */
export const PARTITIONS = 8;

const port = z.coerce.number().int().min(0).max(65_535);

const environment = z.object({
  YARD_HOME: z.string().min(1).default('.yard'),
  YARD_ARCHIVE: z.string().min(1).optional(),
  YARD_NODE: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, - and _')
    .optional(),
  YARD_HOST: z.string().min(1).default('127.0.0.1'),
  YARD_HTTP_PORT: port.default(7070),
  YARD_GRPC_PORT: port.default(7071),
  YARD_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  YARD_ALERT_WEBHOOK: z.url({ protocol: /^https?$/ }).optional(),
  YARD_SNAPSHOT_MESSAGES: z.coerce.number().int().min(0).default(5_000),
  YARD_PURGE: z.enum(['on', 'off']).default('on'),
  YARD_PURGE_KEEP_MESSAGES: z.coerce.number().int().min(1).default(100_000),
  YARD_FEATURE_LEVEL: z.coerce.number().int().min(1).max(FEATURE_LEVEL).default(FEATURE_LEVEL),
  YARD_HAND_OVER: z.enum(['proposed', 'committed']).default('proposed'),
});

/** Reads the environment once; an error names every variable that is wrong and how. */
export function resolveConfig(env: NodeJS.ProcessEnv, service: string): YardConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    throw new Error(`the environment has ${String(problems.length)} problem(s):\n${problems.join('\n')}`);
  }
  const e = parsed.data;
  return Object.freeze({
    home: path.resolve(e.YARD_HOME),
    archive: archiveOf(e.YARD_ARCHIVE, e.YARD_HOME),
    node:
      e.YARD_NODE ??
      `${service}-${hostname()
        .replace(/[^A-Za-z0-9_-]/g, '-')
        .slice(0, 24)}-${randomBytes(3).toString('hex')}`,
    service,
    host: e.YARD_HOST,
    httpPort: e.YARD_HTTP_PORT,
    grpcPort: e.YARD_GRPC_PORT,
    partitions: PARTITIONS,
    featureLevel: e.YARD_FEATURE_LEVEL,
    logLevel: e.YARD_LOG_LEVEL,
    alertWebhook: e.YARD_ALERT_WEBHOOK ?? null,
    handOver: e.YARD_HAND_OVER,
    snapshotMessages: e.YARD_SNAPSHOT_MESSAGES,
    purgeKeepMessages: e.YARD_PURGE === 'on' ? e.YARD_PURGE_KEEP_MESSAGES : null,
  });
}

/** A bucket is named as it is; a folder in full. */
function archiveOf(given: string | undefined, home: string): string {
  if (given?.startsWith('s3://') === true) return given;
  return path.resolve(given ?? path.join(home, 'archive'));
}
