import { createHash } from 'node:crypto';
import { type DomainEvent, FEATURE_LEVEL, versionAt } from '@yardmaster/domain';
import type { Cause, CommitGroup, Envelope } from './envelope.js';
import { NotAnEnvelopeError, readEvent, UnreadableEventError, writerFor } from './registry.js';
import { packRuns, unpackRuns } from './event-rows.js';
import { placePairs, placeRuns } from './placed-contents.js';
import type { SealedBlock } from './seal.js';
import { openBlocks, SealedContents, type KeyOf } from './sealed-contents.js';
import { pack, unpack } from '../wire.js';

/** Version 1 has its events as a list of rows, and sealed content as pairs of place and content. */
export const ENVELOPE_VERSION = 2;
/** Of the first versions; later ones may have more. */
const FIELDS = 12;
/** `prev` of the first envelope of a stream. */
export const CHAIN_START = '0'.repeat(64);

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What a writer decides; sequence and hash follow from the bytes. */
export interface EnvelopeDraft {
  readonly stream: string;
  readonly node: string;
  readonly epoch: number;
  readonly commit: string;
  readonly at: number;
  readonly seed: number;
  readonly config: string;
  readonly causes: readonly Cause[];
  readonly group: CommitGroup | null;
  readonly prev: string;
  readonly events: readonly DomainEvent[];
}

/**
 * Bytes of an envelope, in the versions that a cluster at this feature level reads. `keyOf` gives the tenant's data key. Throws
 * UnreadableEventError for an event that comes with a later level.
 */
export function encodeEnvelope(draft: EnvelopeDraft, keyOf: KeyOf, level = FEATURE_LEVEL): Uint8Array {
  const { group } = draft;
  const version = versionAt(level, 'Envelope');
  return pack([
    version,
    draft.node,
    draft.epoch,
    draft.commit,
    draft.at,
    draft.seed,
    draft.config,
    draft.causes,
    group === null ? null : [group.id, group.k, group.n],
    Buffer.from(draft.prev, 'hex'),
    // Bytes of their own: the chain is checked without looking into them.
    version === 1 ? rowsOf(draft.events, level) : Buffer.from(pack(packRuns(draft.events, level))),
    sealedOf(draft.events, level, version).blocks(`${draft.stream}/${draft.commit}`, keyOf),
  ]);
}

function rowsOf(events: readonly DomainEvent[], level: number): unknown[][] {
  return events.map((event) => {
    const codec = writerFor(event.type, level);
    return [codec.code, codec.version, ...codec.write(event)];
  });
}

function sealedOf(events: readonly DomainEvent[], level: number, version: number): SealedContents {
  const sealed = new SealedContents(version === 1 ? 'pairs' : 'runs');
  for (const [i, event] of events.entries()) {
    const codec = writerFor(event.type, level);
    const content = codec.seal?.(event);
    if (content !== undefined && content !== null) sealed.add(codec.tenantOf?.(event) ?? 0, i, content);
  }
  return sealed;
}

/** Reads an envelope; throws UnreadableEventError for what is malformed or newer than this program, NotAnEnvelopeError for what never was one. */
export function decodeEnvelope(stream: string, seq: number, bytes: Uint8Array, keyOf: KeyOf): Envelope {
  try {
    return readEnvelope(stream, seq, bytes, keyOf);
  } catch (cause) {
    if (cause instanceof UnreadableEventError) throw cause;
    throw new UnreadableEventError(`${stream} ${String(seq)} is not an envelope`, { cause });
  }
}

function readEnvelope(stream: string, seq: number, bytes: Uint8Array, keyOf: KeyOf): Envelope {
  const body = envelopeBody(bytes);
  if (body === null) throw new NotAnEnvelopeError(`${stream} ${String(seq)} is not an envelope`);
  if ((body[0] as number) > ENVELOPE_VERSION)
    throw new UnreadableEventError(
      `${stream} ${String(seq)} has envelope version ${String(body[0])}, newer than ${String(ENVELOPE_VERSION)}`,
    );
  const commit = body[3] as string;
  const contents = openBlocks(
    body[11] as SealedBlock[],
    `${stream}/${commit}`,
    keyOf,
    body[0] === 1 ? placePairs : placeRuns,
  );
  const events =
    body[0] === 1
      ? (body[10] as unknown[][]).map((row, i) => readEvent(row, contents?.[i] ?? null))
      : unpackRuns(unpack(body[10] as Uint8Array) as unknown[], contents);
  const group = body[8] as [string, number, number] | null;
  return {
    stream,
    seq,
    node: body[1] as string,
    epoch: body[2] as number,
    commit,
    at: body[4] as number,
    seed: body[5] as number,
    config: body[6] as string,
    causes: body[7] as Cause[],
    group: group === null ? null : { id: group[0], k: group[1], n: group[2] },
    events,
    hash: hashOf(bytes),
    prev: Buffer.from(body[9] as Uint8Array).toString('hex'),
  };
}

/** What an envelope of any version says lies before it; null for bytes that are none. Its events are not looked at. */
export function linkOf(bytes: Uint8Array): string | null {
  const prev = envelopeBody(bytes)?.[9];
  return prev instanceof Uint8Array ? Buffer.from(prev).toString('hex') : null;
}

/** The fields of an envelope of any version; null for bytes that are none. */
function envelopeBody(bytes: Uint8Array): unknown[] | null {
  let body: unknown;
  try {
    body = unpack(bytes);
  } catch {
    return null;
  }
  return Array.isArray(body) &&
    body.length >= FIELDS &&
    typeof body[0] === 'number' &&
    typeof body[1] === 'string' &&
    typeof body[2] === 'number'
    ? body
    : null;
}
