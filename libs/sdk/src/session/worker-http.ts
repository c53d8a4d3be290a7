import { createHash } from 'node:crypto';
import type * as Http from 'node:http';
import type * as Https from 'node:https';
import { createRequire } from 'node:module';
import type { TextSource } from './worker-session.js';

// An `import` of node:http reads all its exports, and some of them load Node's whole fetch: 5 MB in every worker.
const load = createRequire(import.meta.url);
const http = load('node:http') as typeof Http;
const https = load('node:https') as typeof Https;

/** The yard answered with something other than 2xx (`status`), or not at all (`status` 0). */
export class WorkerHttpError extends Error {
  override readonly name = 'WorkerHttpError';
  constructor(
    readonly status: number,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? {} : { cause });
  }

  /** The same call may succeed later. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export type LogStream = 'stdout' | 'stderr';

const CALL_TIMEOUT_MS = 30_000;

/** What a worker moves beside its session: large values, scripts and output. */
export class WorkerHttp {
  readonly #agents = {
    'http:': new http.Agent({ keepAlive: true, maxSockets: 8 }),
    'https:': new https.Agent({ keepAlive: true, maxSockets: 8 }),
  };

  constructor(
    private readonly url: TextSource,
    private readonly token: TextSource,
  ) {}

  /** Bytes of a blob, checked against their hash. */
  async getBlob(tenant: number, sha256: string): Promise<Buffer> {
    const bytes = await this.#call('GET', `/v1/worker/blobs/${tenant}/${encodeURIComponent(sha256)}`);
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== sha256) throw new WorkerHttpError(0, `blob ${sha256} came with other bytes`);
    return bytes;
  }

  /** Stores bytes; resolves to their sha256 (hex) once they are durable. */
  async putBlob(tenant: number, bytes: Uint8Array): Promise<string> {
    await this.#call('PUT', `/v1/worker/blobs/${tenant}`, bytes);
    return createHash('sha256').update(bytes).digest('hex');
  }

  /** Output of an attempt from an offset on; a repeat is harmless. */
  async putLog(
    tenant: number,
    task: string,
    attempt: number,
    stream: LogStream,
    offset: number,
    bytes: Uint8Array,
  ): Promise<void> {
    await this.#call(
      'PUT',
      `/v1/worker/attempts/${tenant}/${task}/${attempt}/logs/${stream}?offset=${offset}`,
      bytes,
    );
  }

  close(): void {
    this.#agents['http:'].destroy();
    this.#agents['https:'].destroy();
  }

  async #call(method: string, path: string, body?: Uint8Array): Promise<Buffer> {
    const [url, token] = await Promise.all([read(this.url), read(this.token)]);
    const address = new URL(path, url);
    const secure = address.protocol === 'https:';
    const headers: Http.OutgoingHttpHeaders = { authorization: `Bearer ${token}` };
    if (body !== undefined) {
      headers['content-type'] = 'application/octet-stream';
      headers['content-length'] = body.length;
    }
    return await new Promise<Buffer>((resolve, reject) => {
      const request = (secure ? https : http).request(
        address,
        {
          method,
          headers,
          agent: secure ? this.#agents['https:'] : this.#agents['http:'],
          timeout: CALL_TIMEOUT_MS,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', (error) => {
            reject(new WorkerHttpError(0, error.message, error));
          });
          response.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const status = response.statusCode ?? 0;
            if (status >= 200 && status < 300) resolve(bytes);
            else
              reject(
                new WorkerHttpError(
                  status,
                  `${method} ${address.pathname} was answered ${status}: ${bytes.toString('utf8', 0, 200)}`,
                ),
              );
          });
        },
      );
      request.on('timeout', () => {
        request.destroy(new Error(`no answer within ${CALL_TIMEOUT_MS / 1000} s`));
      });
      request.on('error', (error) => {
        reject(new WorkerHttpError(0, error.message, error));
      });
      request.end(body);
    });
  }
}

async function read(source: TextSource): Promise<string> {
  return typeof source === 'string' ? source : await source();
}

/** Repeats what failed for a passing reason, waiting 100 ms, then twice as long each time. */
export async function retryTransient<T>(tries: number, call: () => Promise<T>): Promise<T> {
  for (let k = 1; ; k++) {
    try {
      return await call();
    } catch (error) {
      if (k >= tries || !(error instanceof WorkerHttpError) || !error.isTransient) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** (k - 1)));
    }
  }
}
