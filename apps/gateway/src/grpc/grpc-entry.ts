import type { Metadata, ServerUnaryCall } from '@grpc/grpc-js';
import { Catch, Inject, Injectable, type ArgumentsHost, type RpcExceptionFilter } from '@nestjs/common';
import { YardError, rejection, type Operation } from '@yardmaster/contracts';
import { LOGGER, type Logger } from '@yardmaster/service-kit';
import { throwError, type Observable } from 'rxjs';
import type { SubmitContext } from '../admission/admission.js';
import { Authenticator } from '../auth/authenticator.js';
import type { Caller } from '../auth/caller.js';
import { mayCall } from '../auth/roles.js';
import { INTERNAL, readTraceparent, rejectionOf } from '../http/problem.js';
import { grpcFault } from './status-details.js';

/** The same key and the same role matrix as over HTTP. */
@Injectable()
export class GrpcEntry {
  constructor(@Inject(Authenticator) private readonly authenticator: Authenticator) {}

  async caller(metadata: Metadata, operation: Operation): Promise<Caller> {
    const authorization = metadata.get('authorization')[0];
    const caller = await this.authenticator.identify(
      typeof authorization === 'string' ? authorization : undefined,
    );
    if (!mayCall(caller.identity.role, operation))
      throw new YardError(rejection('forbidden', `the role ${caller.identity.role} may not do that`));
    return caller;
  }

  submission(
    { identity }: Caller,
    metadata: Metadata,
    idempotencyKey: string | undefined,
    bodyBytes: number,
  ): SubmitContext {
    const trace = readTraceparent(metadata.get('traceparent')[0]);
    return {
      identity,
      idempotencyKey: idempotencyKey ?? null,
      traceparent: trace?.isSampled === true ? trace.header : null,
      bodyBytes,
    };
  }
}

/** Aborts when the caller gave up. */
export function cancelSignal(call: ServerUnaryCall<unknown, unknown>): AbortSignal {
  const gone = new AbortController();
  call.on('cancelled', () => {
    gone.abort();
  });
  return gone.signal;
}

/** Everything thrown by a gRPC call becomes a status with details. */
@Catch()
export class GrpcProblemFilter implements RpcExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(thrown: unknown, _host: ArgumentsHost): Observable<never> {
    const why = rejectionOf(thrown);
    if (why === null) this.logger.error({ err: thrown }, 'a gRPC call failed by a fault of the yard');
    return throwError(() => grpcFault(why ?? INTERNAL));
  }
}
