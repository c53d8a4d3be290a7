import { bodyForm, parseBody, type BodyForm } from '../body/parse-body.js';
import { isTracingOn, traceparentOf } from '@yardmaster/service-kit';
import { ROOT_CONTEXT, SpanKind, propagation, trace } from '@opentelemetry/api';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Admission, itemJson, type SubmitContext } from '../admission/admission.js';
import type { LogHeads } from '../events/log-heads.js';
import type { Receipt } from '../limits/token-blocks.js';
import { callerOfRequest } from './entry.js';
import { readTraceparent, traceIdOf } from './problem.js';

const TASK_FORMS: readonly BodyForm[] = ['json', 'yaml', 'ndjson'];
const WORKFLOW_FORMS: readonly BodyForm[] = ['json', 'yaml'];
const JSON_TYPE = 'application/json; charset=utf-8';

/** The hot way in: straight on the server, past Nest's pipeline. */
export function submitRoutes(instance: FastifyInstance, admission: Admission, heads: LogHeads): void {
  const isTraced = isTracingOn(process.env);

  instance.post('/v1/tasks', async (request, reply) => {
    const body = parseBody(
      request.body as Buffer | undefined,
      bodyForm(request.headers['content-type'], TASK_FORMS),
    );
    return await traced(request, isTraced, 'POST /v1/tasks', async (traceparent) => {
      const context = contextOf(request, traceparent);
      const position = await heads.position();
      if (!Admission.isBulk(body)) {
        const { id, state, receipt, repeated } = await admission.submitTask(body, context);
        accepted(reply, receipt, repeated).header('location', `/v1/tasks/${id}`);
        return `{"id":"${id}","state":"${state}","position":"${position}"}`;
      }
      const { items, receipt, repeated } = await admission.submitBulk(body, context);
      accepted(reply, receipt, repeated);
      const traceId = items.some((item) => 'rejection' in item) ? traceIdOf(request.headers) : '';
      const parts = items.map((item) =>
        'id' in item
          ? `{"id":"${item.id}","state":"${item.state}"}`
          : JSON.stringify(itemJson(item, traceId)),
      );
      return `{"items":[${parts.join(',')}],"position":"${position}"}`;
    });
  });

  instance.post('/v1/workflows', async (request, reply) => {
    const body = parseBody(
      request.body as Buffer | undefined,
      bodyForm(request.headers['content-type'], WORKFLOW_FORMS),
    );
    return await traced(request, isTraced, 'POST /v1/workflows', async (traceparent) => {
      const position = await heads.position();
      const { id, tasks, receipt, repeated } = await admission.submitWorkflow(
        body,
        contextOf(request, traceparent),
      );
      accepted(reply, receipt, repeated).header('location', `/v1/workflows/${id}`);
      return `{"id":"${id}","state":"running","tasks":${JSON.stringify(tasks)},"position":"${position}"}`;
    });
  });
}

function accepted(reply: FastifyReply, { limit }: Receipt, repeated: boolean): FastifyReply {
  reply.code(202).header('content-type', JSON_TYPE);
  if (repeated) reply.header('idempotency-replayed', 'true');
  if (limit !== null) {
    reply.header('ratelimit-policy', `"hourly";q=${String(limit.limit)};w=${String(limit.windowSeconds)}`);
    reply.header('ratelimit', `"hourly";r=${String(limit.remaining)};t=${String(limit.resetSeconds)}`);
  }
  return reply;
}

function contextOf(request: FastifyRequest, traceparent: string | null): SubmitContext {
  const key = request.headers['idempotency-key'];
  return {
    identity: callerOfRequest(request).identity,
    idempotencyKey: typeof key === 'string' ? key : null,
    traceparent,
    bodyBytes: (request.body as Buffer).length,
  };
}

/** Begins the trace of a submission when tracing is on; else passes a sampled caller's trace on. */
async function traced<T>(
  request: FastifyRequest,
  isTraced: boolean,
  name: string,
  run: (traceparent: string | null) => Promise<T>,
): Promise<T> {
  const given = readTraceparent(request.headers['traceparent']);
  if (!isTraced) return await run(given?.isSampled === true ? given.header : null);
  const parent =
    given === null ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { traceparent: given.header });
  const span = trace.getTracer('yardmaster').startSpan(name, { kind: SpanKind.SERVER }, parent);
  try {
    return await run(span.isRecording() ? traceparentOf(span) : null);
  } finally {
    span.end();
  }
}
