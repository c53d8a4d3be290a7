import { ERRORS, type ErrorCode, type Problem, type TaskResponse } from '@yardmaster/contracts';

/**
 * The yard refused a call, or could not be reached (`unavailable`, then `problem` is null).
 * `code` is of the error catalogue; `status` is the HTTP status, 0 when no answer came.
 */
export class YardApiError extends Error {
  override readonly name = 'YardApiError';
  readonly code: ErrorCode;
  readonly status: number;
  /** The RFC 9457 body of the answer, with `errors[]` for single fields. */
  readonly problem: Problem | null;

  constructor(
    code: ErrorCode,
    detail: string,
    more: { status?: number; problem?: Problem | null; cause?: unknown } = {},
  ) {
    super(detail, more.cause === undefined ? {} : { cause: more.cause });
    this.code = code;
    this.status = more.status ?? 0;
    this.problem = more.problem ?? null;
  }

  /** The same call may succeed later as it is. */
  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** Seconds after which a repeat makes sense, if the yard named them. */
  get retryAfter(): number | null {
    const seconds = this.problem?.['retryAfter'];
    return typeof seconds === 'number' ? seconds : null;
  }
}

/** Thrown by `result()` when the task ended otherwise than well. */
export class TaskFailedError extends Error {
  override readonly name = 'TaskFailedError';
  /** Fine state, such as `failed`, `cancelled`, `upstream_failed`. */
  readonly state: string;
  /** Failure category, such as `app` or `over-cap`; null when nothing ran. */
  readonly category: string | null;

  constructor(readonly task: TaskResponse) {
    super(
      `task ${task.id}${task.name ? ` (${task.name})` : ''} is ${task.state}${task.error ? `: ${task.error}` : ''}`,
    );
    this.state = task.state;
    this.category = task.category;
  }
}

/** The wait ended before what it waited for. The task or workflow goes on. */
export class WaitTimeoutError extends Error {
  override readonly name = 'WaitTimeoutError';
  constructor(
    readonly what: string,
    readonly waitedMs: number,
  ) {
    super(`${what} has not ended after ${String(waitedMs / 1000)} s`);
  }
}

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid-request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  409: 'conflict',
  413: 'payload-too-large',
  415: 'unsupported-media-type',
  429: 'rate-limit-exceeded',
  502: 'unavailable',
  503: 'unavailable',
  504: 'outcome-unknown',
};

/** What an error answer says, also when something other than a yard gave it. */
export function apiError(status: number, body: string): YardApiError {
  const problem = readProblem(body);
  if (problem) return new YardApiError(problem.code, problem.detail, { status, problem });
  const excerpt = body.trim().slice(0, 200);
  return new YardApiError(
    BY_STATUS[status] ?? 'internal',
    `HTTP ${String(status)}${excerpt ? `: ${excerpt}` : ''}`,
    { status },
  );
}

/** The error inside a bulk answer's item. */
export function problemError(problem: unknown): YardApiError {
  return isProblem(problem)
    ? new YardApiError(problem.code, problem.detail, { status: problem.status, problem })
    : new YardApiError('internal', 'an item was refused without a reason');
}

function readProblem(body: string): Problem | null {
  try {
    const value: unknown = JSON.parse(body);
    return isProblem(value) ? value : null;
  } catch {
    return null;
  }
}

function isProblem(value: unknown): value is Problem {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.hasOwn(ERRORS, String((value as { code?: unknown }).code))
  );
}
