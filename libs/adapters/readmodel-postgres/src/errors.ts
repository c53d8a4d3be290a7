/** The stored position of a stream is not the one from which the batch was made: another projector wrote meanwhile. */
export class CheckpointConflictError extends Error {
  override readonly name = 'CheckpointConflictError';
  readonly code = 'checkpoint-conflict';
  constructor(readonly streams: readonly string[]) {
    super(`the stored position of ${streams.join(', ')} is not the one this projector started from: another projector writes to the same schema; stop one of them`);
  }
}

/** Postgres does not answer, or its tables are not made yet. */
export class ReadModelUnavailableError extends Error {
  override readonly name = 'ReadModelUnavailableError';
  readonly code = 'unavailable';
}

/** SQLSTATE classes that pass by themselves: connection, resources, operator, lock, serialisation. */
const PASSING_CLASSES = new Set(['08', '40', '53', '55', '57']);
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** True when the same transaction may succeed later. */
export function isPassing(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== 'string' || !SQLSTATE.test(code)) return !(error instanceof CheckpointConflictError);
  return PASSING_CLASSES.has(code.slice(0, 2));
}

const NOT_MADE_YET = new Set(['42P01', '3F000', '42703']);

/** True when a question can't be answered now but may be later. */
export function isUnavailable(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return isPassing(error) || NOT_MADE_YET.has(code as string);
}
