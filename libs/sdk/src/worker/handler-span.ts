import type * as Otel from '@opentelemetry/api';
import { createRequire } from 'node:module';

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;

// Loaded with the first traced attempt: most workers never see one.
const load = createRequire(import.meta.url);
let api: typeof Otel | null = null;

export interface TracedAttempt {
  readonly taskId: string;
  readonly attempt: number;
  readonly name: string;
}

/**
 * Runs a handler in a span of its own under the yard's span of the attempt, so that what the handler traces joins the task's
 * trace. It goes wherever the process's own OpenTelemetry SDK sends spans; without one it is nothing.
 */
export function inHandlerSpan<T>(
  traceparent: string,
  { taskId, attempt, name }: TracedAttempt,
  run: () => T,
): T {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return run();
  api ??= load('@opentelemetry/api') as typeof Otel;
  const { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;
  const yards = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  const parent = trace.setSpanContext(ROOT_CONTEXT, yards);
  const span = trace.getTracer('@yardmaster/sdk').startSpan(
    `handle ${name}`,
    {
      kind: SpanKind.CONSUMER,
      attributes: { 'yard.task.id': taskId, 'yard.attempt': attempt },
    },
    parent,
  );
  const failed = (error: unknown): void => {
    span.recordException(error instanceof Error ? error : String(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  };
  return context.with(trace.setSpan(parent, span), () => {
    let returned: T;
    try {
      returned = run();
    } catch (error) {
      failed(error);
      throw error;
    }
    if (isThenable(returned))
      returned.then(() => {
        span.end();
      }, failed);
    else span.end();
    return returned;
  });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
