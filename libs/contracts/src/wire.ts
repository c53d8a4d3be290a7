import { Packr } from 'msgpackr';

// No records: the bytes must be plain msgpack that any language reads.
const packr = new Packr({ useRecords: false, moreTypes: false, int64AsType: 'number' });

/** msgpack bytes in a buffer of their own. */
export function pack(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** Throws on bytes that are not msgpack: callers count and drop or dead-letter. */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
