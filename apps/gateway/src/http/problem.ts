import { randomBytes } from 'node:crypto';
import { ERRORS, YardError, problemOf, rejection, type Problem, type Rejection } from '@yardmaster/contracts';
import { HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const NO_TRACE = '0'.repeat(32);

export interface Traceparent {
  readonly header: string;
  readonly traceId: string;
  readonly isSampled: boolean;
}

export function readTraceparent(header: unknown): Traceparent | null {
  const match = typeof header === 'string' ? TRACEPARENT.exec(header) : null;
  if (match === null || match[1] === NO_TRACE || match[2] === '0'.repeat(16)) return null;
  return { header: match[0], traceId: match[1]!, isSampled: (Number.parseInt(match[3]!, 16) & 1) === 1 };
}

/** The caller's trace, or a new one, so that an answer can be found again in the logs. */
export function traceIdOf(headers: Readonly<Record<string, unknown>>): string {
  return readTraceparent(headers['traceparent'])?.traceId ?? randomBytes(16).toString('hex');
}

const FASTIFY_CODES: Readonly<Record<string, Rejection['code']>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_MAX_PARAM_LENGTH: 'not-found',
};

/** What to tell about anything thrown. null = a fault of ours: say little, log all. */
export function rejectionOf(thrown: unknown): Rejection | null {
  if (thrown instanceof YardError) return thrown.rejection;
  if (thrown instanceof HttpException) return ofStatus(thrown.getStatus(), thrown.message);
  const { code, statusCode, message } = (thrown ?? {}) as {
    code?: unknown;
    statusCode?: unknown;
    message?: unknown;
  };
  const known = typeof code === 'string' ? FASTIFY_CODES[code] : undefined;
  const detail = typeof message === 'string' ? message.slice(0, 200) : 'the request is not valid';
  if (known !== undefined) return rejection(known, detail);
  // Stores that are away say so by this code.
  if (code === 'unavailable') return rejection('unavailable', detail, { retryAfter: 1 });
  return typeof statusCode === 'number' ? ofStatus(statusCode, detail) : null;
}

function ofStatus(status: number, detail: string): Rejection | null {
  switch (status) {
    case 401:
      return rejection('unauthenticated', detail);
    case 403:
      return rejection('forbidden', detail);
    case 404:
      return rejection('not-found', detail);
    case 405:
      return rejection('method-not-allowed', detail);
    case 413:
      return rejection('payload-too-large', detail);
    case 415:
      return rejection('unsupported-media-type', detail);
    case 503:
      return rejection('unavailable', detail, { retryAfter: 1 });
    default:
      return status >= 400 && status < 500 ? rejection('invalid-request', detail) : null;
  }
}

export const INTERNAL = rejection(
  'internal',
  'something in the yard is wrong; its log says what, under this traceId',
);

export function problemHeaders(why: Rejection): Record<string, string> {
  const headers: Record<string, string> = {};
  if (why.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer realm="yardmaster"';
  if (why.retryAfter !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(why.retryAfter)));
  if (why.code === 'rate-limit-exceeded') {
    const limit = numberIn(why, 'limit');
    if (limit !== null) {
      const isBurst = why.extra?.['window'] === '1s';
      const name = isBurst ? 'burst' : 'hourly';
      headers['ratelimit-policy'] = `"${name}";q=${String(limit)};w=${isBurst ? '1' : '3600'}`;
      headers['ratelimit'] =
        `"${name}";r=${String(numberIn(why, 'remaining') ?? 0)};t=${String(Math.max(1, Math.ceil(why.retryAfter ?? 1)))}`;
    } else {
      headers['ratelimit-policy'] = '"requests"';
      headers['ratelimit'] = `"requests";r=0;t=${String(Math.max(1, Math.ceil(why.retryAfter ?? 1)))}`;
    }
  }
  return headers;
}

function numberIn({ extra }: Rejection, name: string): number | null {
  const value = extra?.[name];
  return typeof value === 'number' ? value : null;
}

/** Answers with an RFC 9457 problem. Returns it, for the log. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, why: Rejection): Problem {
  const problem = problemOf(why, traceIdOf(request.headers));
  void reply
    .code(ERRORS[why.code].http)
    .headers(problemHeaders(why))
    .type('application/problem+json')
    .send(JSON.stringify(problem));
  return problem;
}
