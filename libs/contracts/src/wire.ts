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

/**
 * Size to which batches on the bus are cut. A message that straddles two reads of the socket is copied, the more often the
 * larger it is, so many messages of this size cost less than few of the 1 MB that the broker takes.
 */
export const BATCH_BYTES = 48 * 1024;
