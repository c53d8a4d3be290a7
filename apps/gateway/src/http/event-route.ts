import { YardError, rejection } from '@yardmaster/contracts';
import { isId } from '@yardmaster/kernel';
import type { CommittedLog } from '@yardmaster/service-kit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../auth/caller.js';
import { mayCall } from '../auth/roles.js';
import { QueryReader } from '../body/page-query.js';
import { EventStream, startingPositions, type EventFilter } from '../events/event-stream.js';
import type { TaskReads } from '../tasks/task-reads.js';
import type { WorkflowReads } from '../tasks/workflow-reads.js';
import { callerOfRequest } from './entry.js';
import { INTERNAL, rejectionOf, traceIdOf } from './problem.js';
import { problemOf } from '@yardmaster/contracts';

const KEEP_ALIVE_MS = 15_000;
const RECHECK_EVERY = 4;
/** Text that may wait in a connection before its reader holds back. */
const HIGH_WATER = 1024 * 1024;

export interface EventRouteParts {
  readonly log: CommittedLog;
  readonly streamNames: readonly string[];
  readonly tasks: TaskReads;
  readonly workflows: WorkflowReads;
  readonly identify: (authorization: string | undefined) => Caller | Promise<Caller>;
  /** Streams that are open, so that a stop can end them. */
  readonly open: Set<() => void>;
}

/** `GET /v1/events`: server-sent events, straight on the socket. */
export function eventRoute(instance: FastifyInstance, parts: EventRouteParts): void {
  instance.get('/v1/events', async (request, reply) => {
    const caller = callerOfRequest(request);
    const { filter, from } = await readQuery(request, caller, parts);
    const positions = await startingPositions(parts.log, parts.streamNames, from);
    reply.hijack();
    serve(request, reply, caller, filter, positions, parts);
    return reply;
  });
}

async function readQuery(
  request: FastifyRequest,
  caller: Caller,
  { tasks, workflows }: EventRouteParts,
): Promise<{ filter: EventFilter; from: string | null }> {
  const reader = new QueryReader(request.query, ['from', 'types', 'workflow', 'task']);
  const from = reader.text('from') ?? null;
  const types = reader.text('types');
  const workflow = reader.id('workflow') ?? null;
  const task = reader.id('task') ?? null;
  reader.done();
  const last = request.headers['last-event-id'];
  let wanted: Set<string> | null = null;
  if (workflow !== null) wanted = new Set(await workflows.taskIds(caller, workflow));
  if (task !== null && isId(task)) {
    await tasks.tenantOf(caller, task);
    (wanted ??= new Set()).add(task);
  }
  return {
    filter: {
      scope: caller.scope,
      types: types === undefined ? null : new Set(types.split(',').map((name) => name.trim())),
      tasks: wanted,
      workflow,
    },
    from: typeof last === 'string' && last !== '' ? last : from,
  };
}

function serve(
  request: FastifyRequest,
  reply: FastifyReply,
  caller: Caller,
  filter: EventFilter,
  from: Awaited<ReturnType<typeof startingPositions>>,
  parts: EventRouteParts,
): void {
  const { raw } = reply;
  raw.socket?.setNoDelay(true);
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    connection: 'keep-alive',
  });
  raw.write(': open\n\n');

  let waiting = '';
  let isGone = false;
  let drained: Promise<void> | null = null;
  const flush = (): void => {
    const text = waiting;
    waiting = '';
    if (isGone || text === '') return;
    raw.write(text);
    if (raw.writableLength > HIGH_WATER)
      drained ??= new Promise((resolve) =>
        raw.once('drain', () => {
          drained = null;
          resolve();
        }),
      );
  };
  const sink = (text: string): Promise<void> | undefined => {
    // What several streams have to say in one turn goes out in one write.
    if (waiting === '') queueMicrotask(flush);
    waiting += text;
    return drained ?? undefined;
  };

  const stream = new EventStream(parts.log, parts.streamNames, from, filter, sink);
  let beats = 0;
  const beat = setInterval(() => {
    raw.write(': beat\n\n');
    if (++beats % RECHECK_EVERY === 0) void recheck();
  }, KEEP_ALIVE_MS).unref();
  const end = (): void => {
    if (isGone) return;
    flush();
    isGone = true;
    clearInterval(beat);
    parts.open.delete(end);
    stream.stop();
    raw.end();
  };
  const recheck = async (): Promise<void> => {
    try {
      const now = await parts.identify(request.headers.authorization);
      if (now.scope !== caller.scope || !mayCall(now.identity.role, 'events')) end();
    } catch (cause) {
      if (cause instanceof YardError && cause.code === 'unauthenticated') end();
    }
  };
  parts.open.add(end);
  raw.on('error', end);
  raw.on('close', end);
  stream.run().then(end, (cause: unknown) => {
    const why =
      rejectionOf(cause) ?? rejection('resync', 'the log cannot be followed from here; read the lists again');
    void sink(
      `event: error\ndata: ${JSON.stringify(problemOf(cause instanceof Error ? why : INTERNAL, traceIdOf(request.headers)))}\n\n`,
    );
    end();
  });
}
