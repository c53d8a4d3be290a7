import {
  INLINE_LIMIT,
  pack,
  unpack,
  type GatewayMessage,
  type HeldAttempt,
  type HeartbeatMessage,
  type JoinMessage,
  type Note,
  type RelayUp,
  type Report,
  type ReportMore,
} from '@yardmaster/contracts';
import type { Outcome, Usage } from '@yardmaster/domain';

/** Ends that a worker may tell; the others are the yard's own to say. */
const TOLD_BY_WORKERS: ReadonlySet<unknown> = new Set<Outcome>([
  'ok',
  'app',
  'permanent',
  'over-memory',
  'over-disk',
  'over-cap',
  'lost',
  'drained',
  'snoozed',
  'cancelled',
  'superseded',
  'withdrawn',
  'infra',
]);
const MAX_TEXT = 256;
const MAX_NAMES = 1_000;
/** Nobody is put off longer than this by a worker's word. */
const MAX_RETRY_AFTER_MS = 30 * 86_400_000;

export type SentMessage =
  | readonly ['join', JoinMessage]
  | readonly ['hb', HeartbeatMessage]
  /** Each to be read on its own: a bad one does not hold back the others. */
  | readonly ['rep', readonly unknown[]]
  | readonly ['note', readonly unknown[]]
  | readonly ['bye']
  | GatewayMessage;

/** What a worker sent is not a message of the session. */
export class BadFrameError extends Error {
  override readonly name = 'BadFrameError';
}

/** True for what a gateway wraps around a worker's frame. */
export function isRelay(value: unknown): value is RelayUp {
  if (!Array.isArray(value)) return false;
  const [gateway, worker, scope, frame] = value as unknown[];
  return (
    typeof gateway === 'string' &&
    typeof worker === 'string' &&
    (scope === null || typeof scope === 'number') &&
    frame instanceof Uint8Array
  );
}

export function readFrame(bytes: Uint8Array): readonly unknown[] {
  return listOf(unpack(bytes), 'a frame');
}

/**
 * Reads what a worker sent, field by field: whatever gets past here is written to the log as it is, and every reader of the
 * log relies on its shape.
 */
export function readMessage(value: unknown): SentMessage {
  if (!Array.isArray(value)) throw new BadFrameError('a message is a list');
  const [name, body] = value as unknown[];
  switch (name) {
    case 'join':
      return ['join', readJoin(body)];
    case 'hb':
      return ['hb', readHeartbeat(body)];
    case 'rep':
      return ['rep', listOf(body, 'reports')];
    case 'note':
      return ['note', listOf(body, 'notes')];
    case 'bye':
      return ['bye'];
    case 'away':
      return ['away'];
    default:
      throw new BadFrameError(`there is no message ${String(name)}`);
  }
}

function readJoin(value: unknown): JoinMessage {
  const { incarnation, kind, name, capacity, handlers, labels, held } = recordOf(value, 'join');
  if (kind !== 'agent' && kind !== 'sdk') throw new BadFrameError('kind is agent or sdk');
  return {
    incarnation: textOf(incarnation, 'incarnation'),
    kind,
    name: textOf(name, 'name'),
    capacity: amountsOf(capacity),
    handlers: listOf(handlers, 'handlers').map((handler) => textOf(handler, 'handler')),
    labels: labelsOf(labels),
    held: heldOf(held),
  };
}

function readHeartbeat(value: unknown): HeartbeatMessage {
  const { n, held, load } = recordOf(value, 'heartbeat');
  if (!isAmount(n)) throw new BadFrameError('a heartbeat has a number');
  return { n, held: heldOf(held), load: isAmount(load) ? Math.min(1, load) : 0 };
}

export function readReport(value: unknown): Report {
  const [task, attempt, fence, outcome, exitCode, usage, result, error, more] = listOf(value, 'report');
  const [id, number, token] = readHeld([task, attempt, fence]);
  if (!TOLD_BY_WORKERS.has(outcome)) throw new BadFrameError('a worker cannot end an attempt like that');
  const end = [
    id,
    number,
    token,
    outcome as Outcome,
    Number.isSafeInteger(exitCode) ? (exitCode as number) : null,
    readUsage(usage),
    result ?? null,
    typeof error === 'string' ? error : null,
  ] as const;
  return more == null ? end : [...end, readMore(more)];
}

function readMore(value: unknown): ReportMore {
  const { retryAfterMs, checkpoint } = recordOf(value, 'the rest of a report');
  return {
    ...(isAmount(retryAfterMs)
      ? { retryAfterMs: Math.min(Math.ceil(retryAfterMs), MAX_RETRY_AFTER_MS) }
      : {}),
    ...(checkpoint === undefined ? {} : { checkpoint: readCheckpoint(checkpoint) }),
  };
}

export function readNote(value: unknown): Note {
  const [task, attempt, fence, progress, checkpoint] = listOf(value, 'note');
  const [id, number, token] = readHeld([task, attempt, fence]);
  const share = isAmount(progress) ? Math.min(1, progress) : null;
  return checkpoint === undefined
    ? [id, number, token, share]
    : [id, number, token, share, readCheckpoint(checkpoint)];
}

/** It ends up in the log, so it is as small as a result. */
function readCheckpoint(value: unknown): unknown {
  if (pack(value).length > INLINE_LIMIT)
    throw new BadFrameError(`a checkpoint has at most ${String(INLINE_LIMIT)} bytes`);
  return value;
}

function readUsage(value: unknown): Usage | null {
  if (typeof value !== 'object' || value === null) return null;
  const { wallMs, cpuMs, maxRssBytes } = value as Record<string, unknown>;
  if (!isAmount(wallMs)) return null;
  return {
    wallMs,
    cpuMs: isAmount(cpuMs) ? cpuMs : null,
    maxRssBytes: isAmount(maxRssBytes) ? maxRssBytes : null,
  };
}

function heldOf(value: unknown): HeldAttempt[] {
  if (!Array.isArray(value)) throw new BadFrameError('held is a list');
  return value.map(readHeld);
}

function readHeld(value: unknown): HeldAttempt {
  if (!Array.isArray(value)) throw new BadFrameError('an attempt is a list');
  const [task, attempt, fence] = value as unknown[];
  if (typeof task !== 'string' || !isAmount(attempt) || !isAmount(fence))
    throw new BadFrameError('an attempt is task, number and fence');
  return [task, attempt, fence];
}

function amountsOf(value: unknown): Record<string, number> {
  const amounts = recordOf(value, 'capacity');
  for (const [name, amount] of Object.entries(amounts))
    if (!isAmount(amount)) throw new BadFrameError(`capacity of ${name} is not an amount`);
  return amounts as Record<string, number>;
}

function labelsOf(value: unknown): Record<string, string> {
  const labels = recordOf(value ?? {}, 'labels');
  for (const label of Object.values(labels)) textOf(label, 'label');
  return labels as Record<string, string>;
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadFrameError(`${what} is a record`);
  if (Object.keys(value).length > MAX_NAMES) throw new BadFrameError(`${what} names too much`);
  return value as Record<string, unknown>;
}

function listOf(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new BadFrameError(`${what} is a list`);
  return value as unknown[];
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string' || value.length > MAX_TEXT)
    throw new BadFrameError(`${what} is a text of at most ${String(MAX_TEXT)} characters`);
  return value;
}

const isAmount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;
