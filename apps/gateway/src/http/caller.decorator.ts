import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOfRequest } from './entry.js';

/** Whoever sent the request. */
export const CallerParam = createParamDecorator((_: unknown, context: ExecutionContext) =>
  callerOfRequest(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** The body of a small JSON request, parsed only now that its sender is known. */
export const JsonBody = createParamDecorator(async (_: unknown, context: ExecutionContext) => {
  const { bodyForm, parseBody } = await import('../body/parse-body.js');
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  return parseBody(request.body as Buffer | undefined, bodyForm(request.headers['content-type'], ['json']));
});
