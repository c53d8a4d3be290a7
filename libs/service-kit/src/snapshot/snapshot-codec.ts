import { createHash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import {
  openBlocks,
  pack,
  SealedContents,
  unpack,
  type KeyOf,
  type SealedBlock,
} from '@yardmaster/contracts';
import type { SnapshotRow } from '@yardmaster/domain';

/** Version of the file; that of the rows inside is the form's. */
const FILE_VERSION = 1;

/** Up to where a stream was folded: sequence, and hash of the envelope there. */
export interface SnapshotPosition {
  readonly seq: number;
  readonly hash: string;
}

/** First line of a snapshot, JSON. */
export interface SnapshotHeader {
  readonly version: number;
  readonly role: string;
  /** Version of its rows. */
  readonly schema: number;
  readonly positions: Readonly<Record<string, SnapshotPosition>>;
  /** Of followed streams: what the last own envelope in it rests on. */
  readonly rested: Readonly<Record<string, number>>;
  /** Epoch and node of the last owner. */
  readonly epoch: number;
  readonly owner: string | null;
  /** Time of the last own envelope, epoch ms. */
  readonly at: number;
  /** Last sequence of the own stream that its owner wrote down as archived. */
  readonly archivedUpTo: number;
  /** Own envelopes whose cause is not in the log. */
  readonly lost: readonly {
    readonly seq: number;
    readonly cause: { readonly stream: string; readonly seq: number };
  }[];
  readonly rows: number;
  /** Frames after this line. */
  readonly frames: number;
  /** sha256 of all that follows this line, hex. */
  readonly sha256: string;
}

/** A snapshot that cannot be what it says that it is. */
export class SnapshotDamagedError extends Error {
  override readonly name = 'SnapshotDamagedError';
  readonly code = 'snapshot-damaged';
}

/**
 * Some rows in a frame of their own: clear parts, and for each tenant one sealed block, as in an envelope. `context` binds the
 * blocks to the snapshot and to the frame's place in it.
 */
export function encodeFrame(rows: readonly SnapshotRow[], context: string, keyOf: KeyOf): Uint8Array {
  const sealed = new SealedContents();
  for (const [i, { tenant, sealed: content }] of rows.entries())
    if (tenant !== undefined) sealed.add(tenant, i, content);
  const body = zstdCompressSync(pack([rows.map(({ fields }) => fields), sealed.blocks(context, keyOf)]));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.byteLength);
  return Buffer.concat([length, body]);
}

function decodeFrame(body: Uint8Array, context: string, keyOf: KeyOf): SnapshotRow[] {
  const [clear, blocks] = unpack(zstdDecompressSync(body)) as [unknown[][], SealedBlock[]];
  const contents = openBlocks(blocks, context, keyOf);
  return clear.map((fields, i) => ({ fields, sealed: contents?.[i] ?? null }));
}

export function frameContext(
  { role, positions }: Pick<SnapshotHeader, 'role' | 'positions'>,
  frame: number,
): string {
  const at = Object.entries(positions)
    .map(([stream, { seq }]) => `${stream}.${String(seq)}`)
    .sort();
  return `${role}/${at.join('/')}/${String(frame)}`;
}

export function encodeSnapshot(
  header: Omit<SnapshotHeader, 'version' | 'frames' | 'sha256'>,
  frames: readonly Uint8Array[],
): Uint8Array {
  const hash = createHash('sha256');
  for (const frame of frames) hash.update(frame);
  const whole: SnapshotHeader = {
    version: FILE_VERSION,
    ...header,
    frames: frames.length,
    sha256: hash.digest('hex'),
  };
  return Buffer.concat([Buffer.from(`${JSON.stringify(whole)}\n`), ...frames]);
}

/** What a snapshot says of itself; its body is not looked at. Throws SnapshotDamagedError. */
export function readSnapshotHeader(bytes: Uint8Array): { header: SnapshotHeader; body: Uint8Array } {
  const newline = bytes.indexOf(10);
  let header: SnapshotHeader;
  try {
    header = JSON.parse(
      Buffer.from(bytes.subarray(0, Math.max(0, newline))).toString('utf8'),
    ) as SnapshotHeader;
  } catch {
    throw new SnapshotDamagedError('has no header: it was cut short, or is no snapshot');
  }
  if (typeof header.version !== 'number' || typeof header.sha256 !== 'string')
    throw new SnapshotDamagedError('has no header: it was cut short, or is no snapshot');
  if (header.version > FILE_VERSION)
    throw new SnapshotDamagedError(`is of version ${String(header.version)}, newer than this program reads`);
  // The first ones did not say it.
  const { rested = {} } = header as Partial<SnapshotHeader>;
  return { header: { ...header, rested }, body: bytes.subarray(newline + 1) };
}

/** Slices that are hashed between two breaths. */
const SLICE = 1024 * 1024;

/** Throws SnapshotDamagedError when a bit of the body is another. A caller that shares its thread breathes at each yield. */
export function* checkBody({ sha256 }: SnapshotHeader, body: Uint8Array): Generator<void> {
  const hash = createHash('sha256');
  for (let at = 0; at < body.byteLength; at += SLICE) {
    hash.update(body.subarray(at, at + SLICE));
    yield;
  }
  if (hash.digest('hex') !== sha256)
    throw new SnapshotDamagedError('was changed or cut short: its sha256 is another');
}

/** Rows of each frame, in order. A caller that shares its thread breathes between frames. */
export function* framesOf(
  header: SnapshotHeader,
  body: Uint8Array,
  keyOf: KeyOf,
): Generator<readonly SnapshotRow[]> {
  const view = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let at = 0;
  for (let frame = 0; frame < header.frames; frame++) {
    const length = at + 4 <= view.length ? view.readUInt32BE(at) : Infinity;
    if (at + 4 + length > view.length) throw new SnapshotDamagedError(`ends within frame ${String(frame)}`);
    yield decodeFrame(view.subarray(at + 4, at + 4 + length), frameContext(header, frame), keyOf);
    at += 4 + length;
  }
}
