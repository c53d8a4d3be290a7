import {
  BATCH_BYTES,
  pack,
  unpack,
  type Note,
  type Report,
  type WorkerMessage,
  type YardMessage,
} from '@yardmaster/contracts';

/** Reports without a result take about 45 bytes. */
const REPORTS_PER_FRAME = 1_000;
const NOTES_PER_FRAME = 32;

export function encodeFrame(messages: readonly WorkerMessage[]): Uint8Array {
  return pack(messages);
}

/** Frames of reports, each small enough to travel. */
export function encodeReports(reports: readonly Report[], send: (frame: Uint8Array) => void): void {
  if (reports.length > REPORTS_PER_FRAME) {
    for (let at = 0; at < reports.length; at += REPORTS_PER_FRAME)
      encodeReports(reports.slice(at, at + REPORTS_PER_FRAME), send);
    return;
  }
  const frame = encodeFrame([['rep', reports]]);
  if (frame.length <= BATCH_BYTES || reports.length === 1) {
    send(frame);
    return;
  }
  const half = reports.length >> 1;
  encodeReports(reports.slice(0, half), send);
  encodeReports(reports.slice(half), send);
}

/** Frames of notes: a note has at most 8 KB, so that this many are far below what a frame may hold. */
export function encodeNotes(notes: readonly Note[], send: (frame: Uint8Array) => void): void {
  for (let at = 0; at < notes.length; at += NOTES_PER_FRAME)
    send(encodeFrame([['note', notes.slice(at, at + NOTES_PER_FRAME)]]));
}

/** Null for bytes that are no frame. */
export function decodeFrame(bytes: Uint8Array): readonly YardMessage[] | null {
  let value: unknown;
  try {
    value = unpack(bytes);
  } catch {
    return null;
  }
  if (!Array.isArray(value)) return null;
  for (const message of value as unknown[]) {
    if (!Array.isArray(message) || typeof message[0] !== 'string') return null;
    const body: unknown = message[1];
    if (body !== undefined && (typeof body !== 'object' || body === null)) return null;
  }
  return value as readonly YardMessage[];
}
