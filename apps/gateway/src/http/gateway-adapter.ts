import { STATUS_CODES } from 'node:http';
import { problemOf, rejection } from '@yardmaster/contracts';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { sendProblem } from './problem.js';
import { bodyLimitOf, specOfRoute } from './route-table.js';

const KEEP_ALIVE_MS = 75_000;
const REQUEST_MS = 120_000;

/** Fastify as the gateway wants it: bodies stay bytes until size and key are known to be good, and every error is a problem. */
export class GatewayAdapter extends FastifyAdapter {
  constructor() {
    const options: FastifyServerOptions & { skipMiddie: boolean } = {
      bodyLimit: bodyLimitOf(null),
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: REQUEST_MS,
      return503OnClosing: true,
      forceCloseConnections: true,
      routerOptions: { maxParamLength: 1024, ignoreTrailingSlash: true },
      skipMiddie: true,
      frameworkErrors: (error, request, reply) => {
        sendProblem(
          request,
          reply,
          error.code === 'FST_ERR_BAD_URL'
            ? rejection('invalid-request', 'this address is not well formed')
            : rejection('not-found', 'there is no such address'),
        );
      },
      clientErrorHandler: (error, socket) => {
        if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return;
        const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
        const why = tooLarge
          ? rejection('payload-too-large', 'the headers are too large')
          : rejection('invalid-request', 'this is not HTTP');
        const status = tooLarge ? 431 : 400;
        const body = JSON.stringify({ ...problemOf(why, '0'.repeat(32)), status });
        socket.end(
          `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/problem+json\r\nContent-Length: ${String(Buffer.byteLength(body))}\r\nConnection: close\r\n\r\n${body}`,
        );
      },
    };
    super(options);
    const instance = this.getInstance<FastifyInstance>();
    instance.addHook('onRoute', (route) => {
      const method = Array.isArray(route.method) ? (route.method[0] ?? '') : route.method;
      route.bodyLimit = bodyLimitOf(specOfRoute(method, route.url));
    });
    // `guardEntry` reads bodies.
    instance.removeAllContentTypeParsers();
  }

  /** Nest would parse bodies here, before their key is known: each route reads its own instead. */
  override registerParserMiddleware(): void {
    // Nothing to register.
  }
}
