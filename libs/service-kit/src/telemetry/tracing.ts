import { context, propagation, SpanStatusCode, trace, type Context, type Span } from '@opentelemetry/api';

/** Traced tasks kept at once; an older one loses its trace, never its run. */
const MAX_TRACED = 10_000;

/** True when an OTLP endpoint is configured by the standard variables. */
export function isTracingOn(env: NodeJS.ProcessEnv): boolean {
  return (
    (env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? '') !== '' &&
    env['OTEL_SDK_DISABLED'] !== 'true'
  );
}

/** Starts the OpenTelemetry SDK when it is configured; loads nothing otherwise. Returns how to stop it. */
export async function startTracing(service: string, env: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  if (!isTracingOn(env)) return () => Promise.resolve();
  const [{ NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const sdk = new NodeSDK({
    serviceName: service,
    traceExporter: new OTLPTraceExporter(),
    instrumentations: [],
  });
  sdk.start();
  return () => sdk.shutdown();
}

const carrier = (traceparent: string): Context => propagation.extract(context.active(), { traceparent });

export function traceparentOf(span: Span): string {
  const c = span.spanContext();
  return `00-${c.traceId}-${c.spanId}-${c.traceFlags.toString(16).padStart(2, '0')}`;
}

/** Spans of sampled tasks: one for the task from admission to its end, one for each attempt. */
export class TaskTracing {
  readonly #tasks = new Map<string, { task: Span; attempt: Span | null }>();
  readonly #tracer = trace.getTracer('yardmaster');

  submitted(traceparent: string | null, ids: readonly string[]): void {
    if (traceparent === null) return;
    for (const id of ids) {
      if (this.#tasks.size >= MAX_TRACED) return;
      this.#tasks.set(id, {
        task: this.#tracer.startSpan('task', { attributes: { 'yard.task.id': id } }, carrier(traceparent)),
        attempt: null,
      });
    }
  }

  /** Begins an attempt's span; the worker continues it. */
  assignment(task: string, attempt: number, worker: string): string | null {
    if (this.#tasks.size === 0) return null;
    const spans = this.#tasks.get(task);
    if (spans === undefined) return null;
    spans.attempt?.end();
    spans.attempt = this.#tracer.startSpan(
      'attempt',
      { attributes: { 'yard.attempt': attempt, 'yard.worker.id': worker } },
      trace.setSpan(context.active(), spans.task),
    );
    return traceparentOf(spans.attempt);
  }

  attemptEnded(task: string, outcome: string): void {
    if (this.#tasks.size === 0) return;
    const spans = this.#tasks.get(task);
    if (spans?.attempt == null) return;
    spans.attempt.setAttribute('yard.outcome', outcome);
    if (outcome !== 'ok') spans.attempt.setStatus({ code: SpanStatusCode.ERROR, message: outcome });
    spans.attempt.end();
    spans.attempt = null;
  }

  ended(task: string, state: string): void {
    if (this.#tasks.size === 0) return;
    const spans = this.#tasks.get(task);
    if (spans === undefined) return;
    this.#tasks.delete(task);
    if (state !== 'succeeded') spans.task.setStatus({ code: SpanStatusCode.ERROR, message: state });
    spans.attempt?.end();
    spans.task.end();
  }
}
