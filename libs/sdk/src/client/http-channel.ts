import { Pool, type Dispatcher } from 'undici';
import { backoffMs, sleep, type RetryPolicy } from './backoff.js';
import type { Connection } from './connection.js';
import { YardApiError, apiError } from './errors.js';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** One HTTP call. */
export interface Call {
  readonly method: Method;
  /** From the yard's root, such as `/v1/tasks`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, with its content type. */
  readonly body?: { readonly bytes: string | Uint8Array; readonly type: string };
  readonly idempotencyKey?: string | undefined;
  /** A second execution changes nothing, so it may be repeated when the first one's outcome is unknown. */
  readonly repeatable: boolean;
  /** A long poll: it has connections of its own, and this is how long the yard may hold it, ms. */
  readonly holdMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Refused before anything was stored: safe to repeat whatever the call is. */
const REFUSED = new Set(['overloaded', 'unavailable', 'rate-limit-exceeded', 'quota-exceeded']);
/** No byte of the request was sent. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const ANSWER_MS = 60_000;

/**
 * Kept-alive connections to one yard. Calls, long polls and streams have separate pools, so that a thousand waits
 * do not hold up one submission.
 */
export class HttpChannel {
  readonly url: string;
  private readonly basePath: string;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly calls: Pool;
  private readonly holds: Pool;
  private isClosed = false;

  constructor(
    connection: Connection,
    readonly retry: RetryPolicy,
    connections: number,
  ) {
    const url = new URL(connection.url);
    this.url = connection.url;
    this.basePath = url.pathname.replace(/\/+$/, '');
    this.headers = connection.token === null ? {} : { authorization: `Bearer ${connection.token}` };
    const pool = (limit: number | null): Pool =>
      new Pool(url.origin, {
        connections: limit,
        pipelining: 1,
        keepAliveTimeout: 30_000,
        connect: { noDelay: true, timeout: 5_000 },
        bodyTimeout: 0,
      });
    this.calls = pool(connections);
    this.holds = pool(null);
  }

  /** Sends the call, repeats it where that is safe, and returns the parsed JSON answer. */
  async send<T>(call: Call): Promise<T> {
    return JSON.parse(await this.text(call)) as T;
  }

  /** The same for an answer that is not JSON. */
  async text(call: Call): Promise<string> {
    const startedAt = Date.now();
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.once(call);
      } catch (error) {
        const failure = asApiError(error, call, this.url);
        if (!mayRepeat(failure, call)) throw failure;
        const pause =
          failure.retryAfter === null
            ? backoffMs(attempt, this.retry)
            : failure.retryAfter * 1000 * (1 + Math.random() * 0.1);
        if (this.isClosed || Date.now() - startedAt + pause > this.retry.forMs) throw failure;
        await sleep(pause, call.signal);
      }
    }
  }

  /**
   * Opens an endless answer. No repeat: whoever reads it knows where to go on. `silenceMs`: it breaks when nothing came
   * for so long; 0 = it may be silent for ever.
   */
  async stream(
    call: Call,
    silenceMs: number,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Dispatcher.ResponseData['body']> {
    try {
      const { statusCode, body } = await this.holds.request({
        ...this.options(call, headers),
        headersTimeout: silenceMs,
        bodyTimeout: silenceMs,
      });
      if (statusCode < 300) return body;
      throw apiError(statusCode, await body.text());
    } catch (error) {
      throw asApiError(error, call, this.url);
    }
  }

  /** Ends idle connections and breaks the others. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await Promise.all([this.calls.destroy(), this.holds.destroy()]);
  }

  private async once(call: Call): Promise<string> {
    const pool = call.holdMs === undefined ? this.calls : this.holds;
    const { statusCode, body } = await pool.request(this.options(call));
    const text = await body.text();
    if (statusCode >= 300) throw apiError(statusCode, text);
    return text;
  }

  private options(call: Call, more: Readonly<Record<string, string>> = {}): Dispatcher.RequestOptions {
    const headers: Record<string, string> = { ...this.headers, ...more };
    let body: string | Uint8Array | null = null;
    if (call.body !== undefined) {
      headers['content-type'] = call.body.type;
      body = call.body.bytes;
    } else if (call.json !== undefined) {
      headers['content-type'] = 'application/json';
      body = JSON.stringify(call.json);
    }
    if (call.idempotencyKey !== undefined) headers['idempotency-key'] = call.idempotencyKey;
    return {
      method: call.method,
      path: this.basePath + call.path + queryText(call.query),
      headers,
      body,
      headersTimeout: ANSWER_MS + (call.holdMs ?? 0),
      ...(call.signal ? { signal: call.signal } : {}),
    };
  }
}

function queryText(query: Call['query']): string {
  if (query === undefined) return '';
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) words.set(name, String(value));
  const text = words.toString();
  return text === '' ? '' : `?${text}`;
}

function mayRepeat(failure: YardApiError, call: Call): boolean {
  if (!failure.retryable) return false;
  if (call.repeatable) return true;
  return failure.status > 0 ? REFUSED.has(failure.code) : NOT_SENT.has(networkCode(failure.cause));
}

/** Errors of the network become `unavailable`; what the caller's own signal did stays as it is. */
function asApiError(error: unknown, call: Call, url: string): YardApiError {
  if (error instanceof YardApiError) return error;
  if (call.signal?.aborted) throw call.signal.reason;
  const code = networkCode(error);
  if (code === '') throw error;
  const isUnsent = NOT_SENT.has(code);
  return new YardApiError(
    isUnsent || call.repeatable ? 'unavailable' : 'outcome-unknown',
    isUnsent ? `no yard answers at ${url} (${code})` : `the connection to ${url} broke (${code})`,
    { cause: error },
  );
}

function networkCode(error: unknown): string {
  const { code, cause, errors } = (error ?? {}) as { code?: unknown; cause?: unknown; errors?: unknown[] };
  if (typeof code === 'string') return code;
  if (Array.isArray(errors)) return networkCode(errors[0]);
  return cause === undefined ? '' : networkCode(cause);
}
