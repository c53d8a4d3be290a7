/** The stored position of a stream is not the one from which the batch was made: another projector wrote meanwhile. */
export class CheckpointConflictError extends Error {
  override readonly name = 'CheckpointConflictError';
  readonly code = 'checkpoint-conflict';
  constructor(readonly streams: readonly string[]) {
    super(
      `the stored position of ${streams.join(', ')} is not the one this projector started from: another projector writes to the same schema; stop one of them`,
    );
  }
}

/** Postgres does not answer, or its tables are not made yet. */
export class ReadModelUnavailableError extends Error {
  override readonly name = 'ReadModelUnavailableError';
  readonly code = 'unavailable';
}

const SQLSTATE = /^[0-9A-Z]{5}$/;
/** The schema was dropped or is not made yet: the next session makes it. */
const NOT_MADE_YET = new Set(['42P01', '3F000', '42704', '42883']);
/** SQLSTATE classes that say something about what was sent: sent again, it is refused again. */
const REFUSING_CLASSES = new Set(['22', '23', '42']);

/** True when the batch itself can't be written, now or later; false for everything that passes by itself. */
export function isHaltingWrite(error: unknown): boolean {
  const code = sqlState(error);
  return code !== null && !NOT_MADE_YET.has(code) && REFUSING_CLASSES.has(code.slice(0, 2));
}

/** True when a question can't be answered now but may be later. */
export function isUnavailable(error: unknown): boolean {
  const code = sqlState(error);
  return code === null || NOT_MADE_YET.has(code) || !REFUSING_CLASSES.has(code.slice(0, 2));
}

function sqlState(error: unknown): string | null {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && SQLSTATE.test(code) ? code : null;
}
