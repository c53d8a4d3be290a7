import { createHash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { hashOf, linkOf, pack, unpack } from '@yardmaster/contracts';
import type { SegmentName, StoredMessage } from '@yardmaster/ports';

const VERSION = 1;

/** What a segment is not that it should be. */
export class ArchiveDamagedError extends Error {
  override readonly name = 'ArchiveDamagedError';
  readonly code = 'archive-damaged';
  constructor(
    readonly segment: SegmentName,
    what: string,
  ) {
    super(
      `archive segment ${segment.stream} ${String(segment.first)}-${String(segment.last)} ${what}: remove it while the stream still holds these messages, and it is written anew; else put back a good copy of the archive`,
    );
  }
}

/** First line of a segment, JSON; what follows is the messages, compressed. */
export interface SegmentHeader {
  readonly version: number;
  readonly stream: string;
  readonly first: number;
  readonly last: number;
  /** Hash of the message before the first; 64 zeros when it is the stream's first. */
  readonly prevHash: string;
  readonly lastHash: string;
  /** sha256 of the compressed part, hex. */
  readonly sha256: string;
  /** Bytes of the messages. */
  readonly size: number;
}

export interface Segment {
  readonly header: SegmentHeader;
  readonly messages: readonly StoredMessage[];
}

/** Bytes of a segment over messages in order, none missing; `prevHash` is what lies before them. */
export function encodeSegment(messages: readonly StoredMessage[], prevHash: string): Uint8Array {
  const [first] = messages;
  const last = messages.at(-1);
  if (first === undefined || last === undefined) throw new Error('a segment has at least one message');
  const body = zstdCompressSync(pack(messages.map(({ msgId, data }) => [msgId, Buffer.from(data)])));
  const header: SegmentHeader = {
    version: VERSION,
    stream: first.stream,
    first: first.seq,
    last: last.seq,
    prevHash,
    lastHash: hashOf(last.data),
    sha256: sha256(body),
    size: messages.reduce((sum, { data }) => sum + data.byteLength, 0),
  };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body]);
}

/** Reads a segment and checks all that it says of itself: hash, sequences, and the chain over its envelopes. */
export function decodeSegment(name: SegmentName, bytes: Uint8Array): Segment {
  const damaged = (what: string): ArchiveDamagedError => new ArchiveDamagedError(name, what);
  const newline = bytes.indexOf(10);
  const header = newline < 0 ? null : readHeader(bytes.subarray(0, newline));
  if (header === null) throw damaged('has no header: it was cut short, or is no segment');
  if (header.version > VERSION)
    throw damaged(`is of version ${String(header.version)}, newer than this program reads`);
  if (header.stream !== name.stream || header.first !== name.first || header.last !== name.last)
    throw damaged(`says that it is ${header.stream} ${String(header.first)}-${String(header.last)}`);
  const body = bytes.subarray(newline + 1);
  if (sha256(body) !== header.sha256) throw damaged('was changed or cut short: its sha256 is another');
  const rows = unpack(zstdDecompressSync(body)) as [string, Uint8Array][];
  if (rows.length !== header.last - header.first + 1) throw damaged(`holds ${String(rows.length)} messages`);
  const messages = rows.map(([msgId, data], i): StoredMessage => ({
    stream: name.stream,
    seq: header.first + i,
    msgId,
    data,
  }));
  const broken = brokenLink(messages, header.prevHash);
  if (broken !== null) throw damaged(`has a broken hash chain at ${String(broken)}`);
  if (hashOf(messages.at(-1)?.data ?? new Uint8Array()) !== header.lastHash)
    throw damaged('does not end with the message that it names');
  return { header, messages };
}

/** Sequence of the first message that does not follow on the one before; null when all do. */
export function brokenLink(messages: readonly StoredMessage[], prevHash: string): number | null {
  let prev = prevHash;
  // A message that is no envelope is a link like any other.
  for (const { seq, data } of messages) {
    const said = linkOf(data);
    if (said !== null && said !== prev) return seq;
    prev = hashOf(data);
  }
  return null;
}

function readHeader(line: Uint8Array): SegmentHeader | null {
  try {
    const header = JSON.parse(Buffer.from(line).toString('utf8')) as SegmentHeader;
    return typeof header.version === 'number' && typeof header.sha256 === 'string' ? header : null;
  } catch {
    return null;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
