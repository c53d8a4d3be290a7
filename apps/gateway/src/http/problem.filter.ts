import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { LOGGER, type Logger } from '@yardmaster/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { answerThrown } from './entry.js';

/** Everything thrown on an HTTP route becomes a problem. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerThrown(
      thrown,
      http.getRequest<FastifyRequest>(),
      http.getResponse<FastifyReply>(),
      (error, traceId, route) => {
        this.logger.error({ err: error, traceId, route }, 'a request failed by a fault of the yard');
      },
    );
  }
}
