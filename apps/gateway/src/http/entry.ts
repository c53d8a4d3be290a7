/**
 * What happens to every request before its route: size, then authentication, then role; only then is a body read, a large one
 * by way of the disk.
 *
 * Owns: the number of body bytes that are on their way. Invariant: it never stays above MOST_BODY_BYTES.
 */
import { YardError, rejection, type Operation, type Rejection } from '@yardmaster/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { bearerKey } from '../auth/authenticator.js';
import type { Caller } from '../auth/caller.js';
import { SPOOLED_FROM_BYTES, type BodySpool } from '../body/body-spool.js';
import { mayCall } from '../auth/roles.js';
import { INTERNAL, rejectionOf, sendProblem } from './problem.js';
import { bodyLimitOf, methodsAt, specOfRoute } from './route-table.js';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
    heldBodyBytes: number;
    bodyDone: (() => void) | null;
    /** Answered, or left by its sender. */
    isOver: boolean;
  }
}

const MOST_BODY_BYTES = 512 * 1024 * 1024;
export interface EntryParts {
  readonly bodies: BodySpool;
  readonly identify: (authorization: string | undefined) => Caller | Promise<Caller>;
  readonly onResponse: (status: number) => void;
  readonly onFault: (thrown: unknown, traceId: string, route: string) => void;
}

export function guardEntry(instance: FastifyInstance, parts: EntryParts): void {
  let bodyBytes = 0;
  instance.decorateRequest('caller', null);
  instance.decorateRequest('heldBodyBytes', 0);
  instance.decorateRequest('bodyDone', null);
  instance.decorateRequest('isOver', false);

  instance.addContentTypeParser('*', async (request: FastifyRequest, payload: Readable) => {
    const { bytes, done } = await parts.bodies.read(
      payload,
      bodyLimitOf(specOfRoute(request.method, request.routeOptions.url)),
    );
    request.bodyDone = done;
    if (request.isOver) done();
    return bytes;
  });

  instance.addHook('onRequest', (request, reply, done) => {
    const spec = specOfRoute(request.method, request.routeOptions.url);
    const { headers } = request;
    const limit = bodyLimitOf(spec);
    const length =
      headers['content-length'] === undefined
        ? headers['transfer-encoding'] === undefined
          ? 0
          : limit
        : Number(headers['content-length']);
    if (length > limit) {
      refuse(
        request,
        reply,
        rejection('payload-too-large', `this address takes bodies up to ${String(limit / 1024)} KiB`),
      );
      return;
    }
    if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') {
      refuse(
        request,
        reply,
        rejection('unsupported-media-type', 'send the body as it is, without a content encoding'),
      );
      return;
    }
    if (spec?.open === true) {
      const isJunk =
        headers.authorization !== undefined &&
        /^bearer /i.test(headers.authorization) &&
        bearerKey(headers.authorization) === null;
      if (isJunk) refuse(request, reply, rejection('unauthenticated', 'this is not a key of the yard'));
      else done();
      return;
    }
    const enter = (caller: Caller): void => {
      if (spec !== null && !mayCall(caller.identity.role, spec.operation as Operation)) {
        refuse(request, reply, rejection('forbidden', `the role ${caller.identity.role} may not do that`));
        return;
      }
      if (length >= SPOOLED_FROM_BYTES) {
        if (bodyBytes + length > MOST_BODY_BYTES) {
          refuse(
            request,
            reply,
            rejection('overloaded', 'too many large bodies are on their way; try again shortly', {
              retryAfter: 1,
            }),
          );
          return;
        }
        request.heldBodyBytes = length;
        bodyBytes += length;
        // Comes with every end, also when the sender leaves in the middle of it.
        reply.raw.once('close', () => {
          bodyBytes -= request.heldBodyBytes;
          request.heldBodyBytes = 0;
          request.isOver = true;
          request.bodyDone?.();
        });
      }
      request.caller = caller;
      done();
    };
    try {
      const known = parts.identify(headers.authorization);
      if (known instanceof Promise)
        known.then(enter, (cause: unknown) => {
          refuse(request, reply, rejectionOf(cause) ?? INTERNAL);
        });
      else enter(known);
    } catch (cause) {
      refuse(request, reply, rejectionOf(cause) ?? INTERNAL);
    }
  });

  instance.addHook('onResponse', (_request, reply, done) => {
    parts.onResponse(reply.statusCode);
    done();
  });
}

/** Answers anything thrown behind the entry. */
export function answerThrown(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  onFault: EntryParts['onFault'],
): void {
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const why = rejectionOf(thrown);
  if (why?.code === 'not-found' && request.is404) {
    sendProblem(request, reply, unknownAddress(request));
    return;
  }
  if (why?.code === 'payload-too-large') reply.header('connection', 'close');
  const problem = sendProblem(request, reply, why ?? INTERNAL);
  if (why === null) onFault(thrown, problem.traceId, `${request.method} ${request.routeOptions.url ?? ''}`);
}

function unknownAddress({ url, method }: FastifyRequest): Rejection {
  const path = url.split('?', 1)[0] ?? '/';
  const methods = methodsAt(path.length > 1 ? path.replace(/\/$/, '') : path);
  if (methods.length === 0)
    return rejection('not-found', 'there is no such address; /openapi.json lists them');
  return rejection('method-not-allowed', `this address takes ${methods.join(', ')}, not ${method}`, {
    extra: { allow: methods },
  });
}

function refuse(request: FastifyRequest, reply: FastifyReply, why: Rejection): void {
  // The body is not read: the connection cannot be used again.
  if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined)
    reply.header('connection', 'close');
  sendProblem(request, reply, why);
}

/** Whoever sent the request; routes behind the entry have one. */
export function callerOfRequest(request: FastifyRequest): Caller {
  if (request.caller === null)
    throw new YardError(rejection('unauthenticated', 'send a key: `Authorization: Bearer yk_...`'));
  return request.caller;
}
