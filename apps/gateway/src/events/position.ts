import { YardError, rejection, streams } from '@yardmaster/contracts';

/** Where a reader stands in one stream: after event `index` of envelope `seq`. */
export interface StreamPosition {
  readonly seq: number;
  readonly index: number;
}

/** Index that means "the whole envelope". */
export const WHOLE = 0xff_ff_ff;
const HEADER_CHARS = 4;
const BLOCK_CHARS = 12;
const SEQ_CHARS = 8;
const VERSION = 1;

/** Streams that the public events come from, in the order of the vector. */
export function followedStreams(partitions: number): string[] {
  return [...Array.from({ length: partitions }, (_, p) => streams.tasks(p)), streams.leases()];
}

/**
 * The opaque position: base64url of a 3-byte header (version, number of streams) and 9 bytes per stream (6 seq, 3 index).
 * 3 and 9 are multiples of three, so each stream's block is 12 characters of its own and moving on in one stream
 * replaces them without encoding the rest again.
 */
export class PositionVector {
  readonly #blocks: string[];
  readonly #header: string;

  constructor(positions: readonly StreamPosition[]) {
    this.#header = Buffer.from([VERSION, 0, positions.length]).toString('base64url');
    this.#blocks = positions.map(({ seq, index }) => encodeSeq(seq) + encodeIndex(index));
  }

  static parse(text: string, streamCount: number): StreamPosition[] {
    const bytes = /^[A-Za-z0-9_-]+$/.test(text) ? Buffer.from(text, 'base64url') : Buffer.alloc(0);
    if (
      text.length !== HEADER_CHARS + BLOCK_CHARS * streamCount ||
      bytes[0] !== VERSION ||
      bytes[2] !== streamCount
    ) {
      throw new YardError(
        rejection('invalid-request', 'this is not a position of this yard', {
          errors: [{ path: 'from', message: 'is not a position of this yard' }],
        }),
      );
    }
    return Array.from({ length: streamCount }, (_, i) => ({
      seq: bytes.readUIntBE(3 + i * 9, 6),
      index: bytes.readUIntBE(9 + i * 9, 3),
    }));
  }

  moveTo(stream: number, seq: number, index: number): void {
    this.#blocks[stream] = encodeSeq(seq) + encodeIndex(index);
  }

  /** What stands before and after one stream's block: the id of each of many events of it is `before + block + after`. */
  around(stream: number): readonly [before: string, after: string] {
    return [this.#header + this.#blocks.slice(0, stream).join(''), this.#blocks.slice(stream + 1).join('')];
  }

  toString(): string {
    return this.#header + this.#blocks.join('');
  }
}

export function encodeSeq(seq: number): string {
  const bytes = Buffer.allocUnsafe(6);
  bytes.writeUIntBE(seq, 0, 6);
  const text = bytes.toString('base64url');
  return text.length === SEQ_CHARS ? text : text.padStart(SEQ_CHARS, 'A');
}

const INDEXES: string[] = [];

export function encodeIndex(index: number): string {
  if (index === WHOLE) return '____';
  let text = INDEXES[index];
  if (text === undefined) {
    text = Buffer.from([index >> 16, (index >> 8) & 0xff, index & 0xff]).toString('base64url');
    if (index < 65_536) INDEXES[index] = text;
  }
  return text;
}
