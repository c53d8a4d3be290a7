/** Why a projection stops until someone mends it: going on would make it differ from the log. */
export class ProjectionHalted extends Error {
  override readonly name: string = 'ProjectionHalted';
  readonly code: string = 'projection-halted';
}

/** What is stored does not belong to this log, or the log lost its end: an older copy was put back, or it is another yard's. */
export class ForeignPositionError extends ProjectionHalted {
  override readonly name = 'ForeignPositionError';
  override readonly code = 'foreign-position';
  constructor(what: string, stream: string, seq: number, head: number) {
    super(
      seq > head
        ? `${what} knows stream ${stream} up to ${String(seq)}, but the log ends at ${String(head)}: an older copy of the log was put back, or this is another yard's; run \`yard admin rebuild\` to make ${what} anew from this log`
        : `${what} knows another envelope ${String(seq)} of stream ${stream} than the log has; run \`yard admin rebuild\` to make ${what} anew from this log`,
    );
  }
}

/** An envelope does not follow on the one before. */
export class BrokenSequenceError extends ProjectionHalted {
  override readonly name = 'BrokenSequenceError';
  override readonly code = 'broken-sequence';
  constructor(stream: string, after: number, seq: number) {
    super(
      seq > after + 1
        ? `stream ${stream} goes from ${String(after)} to ${String(seq)}: what lies between is missing; run \`yard doctor\``
        : `stream ${stream} sequence ${String(seq)} does not follow on what was projected before it; run \`yard doctor\``,
    );
  }
}

/** Failures of the log that waiting does not mend. */
const HALTING = new Set([
  'projection-halted',
  'foreign-position',
  'broken-sequence',
  'log-gap',
  'broken-chain',
  'unreadable-event',
]);

export function isHalting(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && HALTING.has(code);
}
