import { type DomainEvent, type EventType, FEATURE_LEVEL, versionAt } from '@yardmaster/domain';
import * as cell from './cell-codecs.js';
import type { AnyCodec, EventCodec, Fields } from './codec.js';
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

export type EventWriter = Pick<EventCodec<DomainEvent>, 'code' | 'version' | 'write' | 'seal' | 'tenantOf'>;

const writers = new Map<number, ReadonlyMap<EventType, EventWriter>>();

/** How events are written in a cluster that works at `level`. What comes with a later level has no writer: nobody could read it. */
export function writersAt(level: number): ReadonlyMap<EventType, EventWriter> {
  let known = writers.get(level);
  if (known === undefined)
    writers.set(level, (known = new Map(level >= FEATURE_LEVEL ? CODECS : atLevel(level))));
  return known;
}

function* atLevel(level: number): Generator<[EventType, EventWriter]> {
  for (const [type, codec] of CODECS) {
    const version = versionAt(level, type);
    if (version === codec.version) yield [type, codec];
    else if (codec.earlier?.[version] !== undefined)
      yield [type, { ...codec, ...codec.earlier[version], version }];
  }
}

export function writerFor(type: EventType, level: number): EventWriter {
  const writer = writersAt(level).get(type);
  if (writer === undefined)
    throw new UnreadableEventError(`${type} is not written at feature level ${String(level)}`);
  return writer;
}

type Read = (fields: Fields, sealed: unknown) => DomainEvent;

/** Reads fields of an event as they were written in that version, and brings them up to the present one. */
export function readerOf(code: number, version: number): Read {
  const codec = byCode.get(code);
  if (codec === undefined) throw new UnreadableEventError(`event code ${String(code)} is of a newer version`);
  if (version > codec.version)
    throw new UnreadableEventError(
      `${codec.type} version ${String(version)} is newer than ${String(codec.version)}`,
    );
  if (version === codec.version) return (fields, sealed) => codec.read(fields, sealed);
  const ups: ((fields: Fields) => Fields)[] = [];
  for (let v = version; v < codec.version; v++) {
    const up = codec.upcasters?.[v];
    if (up === undefined)
      throw new UnreadableEventError(`${codec.type} lacks the upcaster from version ${String(v)}`);
    ups.push(up);
  }
  return (fields, sealed) =>
    codec.read(
      ups.reduce((older, up) => up(older), fields),
      sealed,
    );
}

/** One event from `[code, version, ...fields]`. */
export function readEvent(row: readonly unknown[], sealed: unknown): DomainEvent {
  return readerOf(row[0] as number, row[1] as number)(row.slice(2), sealed);
}
