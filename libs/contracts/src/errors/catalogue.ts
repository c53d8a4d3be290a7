/** One row of the error catalogue: everything that any door (HTTP, gRPC, CLI) says about a code. */
export interface ErrorEntry {
  readonly http: number;
  /** google.rpc.Code number. */
  readonly grpc: number;
  /** Exit code of the CLI. */
  readonly exit: number;
  /** The same call may succeed later as it is. */
  readonly retryable: boolean;
  readonly title: string;
}

const entry = (http: number, grpc: number, exit: number, retryable: boolean, title: string): ErrorEntry => ({
  http,
  grpc,
  exit,
  retryable,
  title,
});

export const ERRORS = {
  'invalid-request': entry(400, 3, 2, false, 'The request is not valid'),
  unauthenticated: entry(401, 16, 4, false, 'A valid key is needed'),
  forbidden: entry(403, 7, 4, false, 'This key may not do that'),
  'not-found': entry(404, 5, 3, false, 'There is no such thing'),
  'method-not-allowed': entry(405, 12, 2, false, 'This address does not take that method'),
  conflict: entry(409, 6, 5, false, 'The present state does not allow it'),
  'already-ended': entry(409, 9, 5, false, 'The task has already ended'),
  'lease-lost': entry(410, 10, 5, false, 'The lease is not held any more'),
  resync: entry(410, 11, 5, false, 'The position is too old; read the list again'),
  'payload-too-large': entry(413, 3, 2, false, 'The body is too large'),
  'unsupported-media-type': entry(415, 3, 2, false, 'This content type is not understood'),
  'idempotency-mismatch': entry(422, 9, 5, false, 'The idempotency key was used with another body'),
  'cycle-in-graph': entry(422, 3, 2, false, 'The dependencies form a cycle'),
  'unknown-parent': entry(422, 3, 2, false, 'A dependency names a task that does not exist'),
  'parents-in-several-partitions': entry(422, 3, 2, false, 'The parents live in more than one partition'),
  'never-runnable': entry(422, 9, 2, false, 'No worker could ever run this task'),
  'script-not-found': entry(422, 3, 2, false, 'The script does not exist'),
  'rate-limit-exceeded': entry(429, 8, 7, true, 'Limit exceeded'),
  'quota-exceeded': entry(429, 8, 7, true, 'Quota exceeded'),
  internal: entry(500, 13, 1, false, 'Something in the yard is wrong'),
  overloaded: entry(503, 14, 6, true, 'The yard is overloaded'),
  unavailable: entry(503, 14, 6, true, 'The service is not available just now'),
  'outcome-unknown': entry(
    503,
    14,
    6,
    true,
    'The outcome is not known; repeat with the same idempotency key',
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** One fault inside a request; `path` is a JSON path such as `tasks[3].resources.cpu`. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** A refusal as data, on its way to whoever asked. */
export interface Rejection {
  readonly code: ErrorCode;
  /** What is wrong and what to do next. */
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  /** Seconds after which a repeat makes sense. */
  readonly retryAfter?: number;
  /** The path of a cycle, the dimension that never fits, ... */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** A rejection that must cross code which only knows exceptions. */
export class YardError extends Error {
  override readonly name = 'YardError';
  readonly code: ErrorCode;
  constructor(
    readonly rejection: Rejection,
    options?: ErrorOptions,
  ) {
    super(rejection.detail, options);
    this.code = rejection.code;
  }
}

export function rejection(
  code: ErrorCode,
  detail: string,
  more: Omit<Rejection, 'code' | 'detail'> = {},
): Rejection {
  return { code, detail, ...more };
}

/** RFC 9457 problem body. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly traceId: string;
  readonly errors?: readonly FieldError[];
  readonly [extra: string]: unknown;
}

export function problemOf(r: Rejection, traceId: string): Problem {
  const { http, title } = ERRORS[r.code];
  return {
    ...r.extra,
    type: `https://yardmaster.dev/problems/${r.code}`,
    title,
    status: http,
    code: r.code,
    detail: r.detail,
    traceId,
    ...(r.errors ? { errors: r.errors } : {}),
    ...(r.retryAfter === undefined ? {} : { retryAfter: r.retryAfter }),
  };
}
