import type { DomainEvent, EventType } from '@yardmaster/domain';
import * as cell from './cell-codecs.js';
import type { AnyCodec, EventCodec } from './codec.js';
import * as platform from './platform-codecs.js';
import {
  cancelRequested,
  ownerTookOver,
  segmentArchived,
  specDefined,
  taskCancelled,
  taskFailed,
  tasksDue,
  taskSubmitted,
  taskSucceeded,
  workflowEnded,
  workflowSubmitted,
} from './task-codecs.js';

const all = [
  ownerTookOver,
  segmentArchived,
  specDefined,
  workflowSubmitted,
  taskSubmitted,
  tasksDue,
  cancelRequested,
  taskSucceeded,
  taskFailed,
  taskCancelled,
  workflowEnded,
  ...Object.values(cell),
  ...Object.values(platform),
] as readonly unknown[] as readonly AnyCodec[];

/** Codec by event type. */
export const CODECS: ReadonlyMap<EventType, EventCodec<DomainEvent>> = new Map(
  all.map((c) => [c.type as EventType, c as unknown as EventCodec<DomainEvent>]),
);
const byCode = new Map(all.map((c) => [c.code, c as unknown as EventCodec<DomainEvent>]));

/** A message that this version of the program cannot read: its reader halts, it never skips. */
export class UnreadableEventError extends Error {
  override readonly name = 'UnreadableEventError';
  readonly code = 'unreadable-event';
}

/** Bytes in a stream that no version of the program wrote. They say nothing, so a reader may pass over them. */
export class NotAnEnvelopeError extends UnreadableEventError {}

export function codecFor(type: EventType): EventCodec<DomainEvent> {
  const codec = CODECS.get(type);
  if (codec === undefined) throw new UnreadableEventError(`there is no codec for ${type}`);
  return codec;
}

/** One event from `[code, version, ...fields]`, brought up to the present version. */
export function readEvent(row: readonly unknown[], sealed: unknown): DomainEvent {
  const code = row[0] as number;
  const codec = byCode.get(code);
  if (codec === undefined) throw new UnreadableEventError(`event code ${String(code)} is of a newer version`);
  let version = row[1] as number;
  if (version > codec.version)
    throw new UnreadableEventError(
      `${codec.type} version ${String(version)} is newer than ${String(codec.version)}`,
    );
  let fields: readonly unknown[] = row.slice(2);
  for (; version < codec.version; version++) {
    const up = codec.upcasters?.[version];
    if (up === undefined)
      throw new UnreadableEventError(`${codec.type} lacks the upcaster from version ${String(version)}`);
    fields = up(fields);
  }
  return codec.read(fields, sealed);
}
