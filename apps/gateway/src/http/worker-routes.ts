import { YardError, rejection } from '@yardmaster/contracts';
import { isId } from '@yardmaster/kernel';
import type { BlobStore, LogStreamName } from '@yardmaster/ports';
import type { FastifyInstance } from 'fastify';
import type { Caller } from '../auth/caller.js';
import { QueryReader } from '../body/page-query.js';
import type { AttemptOutput } from '../tasks/attempt-output.js';
import { notFound } from '../tasks/task-reads.js';
import type { TenantDirectory } from '../tenants.js';
import { callerOfRequest } from './entry.js';

const SHA256 = /^[0-9a-f]{64}$/;
const EMPTY = Buffer.alloc(0);

/** What workers fetch and store beside their session: scripts, large values, output. */
export function workerRoutes(
  instance: FastifyInstance,
  blobs: BlobStore,
  output: AttemptOutput,
  tenants: TenantDirectory,
): void {
  instance.get<{ Params: { tenant: string; sha256: string } }>(
    '/v1/worker/blobs/:tenant/:sha256',
    async (request, reply) => {
      const { sha256 } = request.params;
      const tenant = await tenantOf(callerOfRequest(request), request.params.tenant, tenants);
      const bytes = SHA256.test(sha256) ? await blobs.get(tenant, sha256) : null;
      if (bytes === null) throw notFound(sha256);
      reply
        .header('content-type', 'application/octet-stream')
        .header('cache-control', 'private, immutable, max-age=31536000');
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
  );

  instance.put<{ Params: { tenant: string } }>('/v1/worker/blobs/:tenant', async (request) => {
    const tenant = await tenantOf(callerOfRequest(request), request.params.tenant, tenants);
    return { sha256: await blobs.put(tenant, bytesOf(request.body)) };
  });

  instance.put<{ Params: { tenant: string; task: string; attempt: string; stream: string } }>(
    '/v1/worker/attempts/:tenant/:task/:attempt/logs/:stream',
    async (request) => {
      const { task, attempt, stream } = request.params;
      const tenant = await tenantOf(callerOfRequest(request), request.params.tenant, tenants);
      const reader = new QueryReader(request.query, ['offset']);
      const offset = reader.int('offset', 0, Number.MAX_SAFE_INTEGER) ?? 0;
      reader.done();
      if (!isId(task) || !/^[1-9]\d{0,6}$/.test(attempt) || (stream !== 'stdout' && stream !== 'stderr'))
        throw notFound(`${task}/${attempt}/${stream}`);
      return {
        length: await output.append(
          tenant,
          task,
          Number(attempt),
          stream satisfies LogStreamName,
          offset,
          bytesOf(request.body),
        ),
      };
    },
  );
}

/** Tenants are named by number or name here; whoever is no agent or operator has its own only. */
async function tenantOf({ identity }: Caller, given: string, tenants: TenantDirectory): Promise<number> {
  const own = given === identity.tenantName || given === String(identity.tenant);
  if (own) return identity.tenant;
  if (identity.role !== 'agent' && identity.role !== 'operator') throw notFound(given);
  if (/^\d{1,15}$/.test(given)) return Number(given);
  const named = await tenants.byName(given);
  if (named === null) throw notFound(given);
  return named.n;
}

function bytesOf(body: unknown): Uint8Array {
  if (body === undefined || body === null) return EMPTY;
  if (body instanceof Uint8Array) return body;
  throw new YardError(rejection('invalid-request', 'send bytes'));
}
