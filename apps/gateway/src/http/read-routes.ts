import { LIMITS, YardError, rejection } from '@yardmaster/contracts';
import type { LogStreamName } from '@yardmaster/ports';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { QueryReader } from '../body/page-query.js';
import type { AttemptOutput } from '../tasks/attempt-output.js';
import type { TaskReads } from '../tasks/task-reads.js';
import { hasEnded } from '../tasks/task-view.js';
import type { WorkflowReads } from '../tasks/workflow-reads.js';
import { callerOfRequest } from './entry.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Reads that wait or stream: straight on the server. */
export function readRoutes(
  instance: FastifyInstance,
  tasks: TaskReads,
  workflows: WorkflowReads,
  output: AttemptOutput,
): void {
  const waiting = (
    path: string,
    read: (
      request: FastifyRequest,
      id: string,
      waitMs: number,
      signal: AbortSignal | null,
    ) => Promise<unknown>,
  ): void => {
    instance.get<{ Params: { id: string } }>(path, async (request, reply) => {
      const waitMs = waitOf(request);
      reply.header('content-type', JSON_TYPE);
      return JSON.stringify(
        await read(request, request.params.id, waitMs, waitMs > 0 ? goneSignal(reply) : null),
      );
    });
  };
  waiting(
    '/v1/tasks/:id',
    async (request, id, waitMs, signal) => await tasks.get(callerOfRequest(request), id, waitMs, signal),
  );
  waiting(
    '/v1/tasks/:id/result',
    async (request, id, waitMs, signal) => await tasks.result(callerOfRequest(request), id, waitMs, signal),
  );
  waiting(
    '/v1/workflows/:id',
    async (request, id, waitMs, signal) => await workflows.get(callerOfRequest(request), id, waitMs, signal),
  );

  instance.get<{ Params: { id: string } }>('/v1/tasks/:id/logs', async (request, reply) => {
    await sendLogs(request, reply, request.params.id, tasks, output);
    return reply;
  });
}

async function sendLogs(
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  tasks: TaskReads,
  output: AttemptOutput,
): Promise<void> {
  const caller = callerOfRequest(request);
  const reader = new QueryReader(request.query, ['follow', 'attempt', 'stream', 'offset']);
  const follow = reader.flag('follow');
  const asked = reader.int('attempt', 1, 1_000_000);
  const stream = (reader.text('stream', ['stdout', 'stderr']) ?? 'stdout') as LogStreamName;
  const offset = reader.int('offset', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  reader.done();
  let task = await tasks.get(caller, id, 0, null);
  const signal = goneSignal(reply);
  // Nothing runs yet: whoever follows wants the first attempt when it comes.
  if (follow && asked === undefined)
    while (task.attempts.length === 0 && !hasEnded(task.state) && !signal.aborted)
      task = await nextLook(tasks, caller, id, signal);
  const attempt = asked ?? Math.max(1, ...task.attempts.map((one) => one.attempt));
  if (asked !== undefined && asked > 1 && !follow && !task.attempts.some((one) => one.attempt === asked))
    throw new YardError(rejection('not-found', `task ${id} has no attempt ${String(asked)}`));
  const isOver = async (): Promise<boolean> => {
    const now = await tasks.get(caller, id, 0, null);
    return (
      hasEnded(now.state) ||
      now.attempts.some((one) => one.attempt === attempt && one.endedAt !== null) ||
      now.attempts.some((one) => one.attempt > attempt)
    );
  };
  const pieces = output.read(
    { tenant: await tasks.tenantOf(caller, id), task: id, attempt, stream, offset },
    follow ? isOver : null,
    signal,
  );
  reply
    .header('content-type', 'text/plain; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-store');
  if (follow) reply.raw.socket?.setNoDelay(true);
  reply.send(Readable.from(pieces, { objectMode: false }));
}

async function nextLook(
  tasks: TaskReads,
  caller: ReturnType<typeof callerOfRequest>,
  id: string,
  signal: AbortSignal,
): ReturnType<TaskReads['get']> {
  await new Promise((resolve) => setTimeout(resolve, 100));
  signal.throwIfAborted();
  return await tasks.get(caller, id, 0, null);
}

function waitOf(request: FastifyRequest): number {
  const query = request.query as Record<string, unknown>;
  for (const name in query) {
    const reader = new QueryReader(query, ['wait']);
    const waitMs = reader.waitMs();
    reader.done();
    return name === '' ? 0 : Math.min(waitMs, LIMITS.waitMs);
  }
  return 0;
}

/** Aborts when whoever asked is gone. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  // Of the answer, not of the socket, which lives on with listeners of every call before.
  reply.raw.once('close', () => {
    gone.abort();
  });
  return gone.signal;
}
