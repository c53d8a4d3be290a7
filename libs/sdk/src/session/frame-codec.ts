import { pack, unpack, type Report, type WorkerMessage, type YardMessage } from '@yardmaster/contracts';

/** A frame travels on inside one broker message, which takes 1 MB. */
const FRAME_BYTES = 512 * 1024;
const REPORTS_PER_FRAME = 2_000;

export function encodeFrame(messages: readonly WorkerMessage[]): Uint8Array {
  return pack(messages);
}

/** Frames of reports, each small enough to travel. */
export function encodeReports(reports: readonly Report[], send: (frame: Uint8Array) => void): void {
  if (reports.length > REPORTS_PER_FRAME) {
    for (let at = 0; at < reports.length; at += REPORTS_PER_FRAME) encodeReports(reports.slice(at, at + REPORTS_PER_FRAME), send);
    return;
  }
  const frame = encodeFrame([['rep', reports]]);
  if (frame.length <= FRAME_BYTES || reports.length === 1) {
    send(frame);
    return;
  }
  const half = reports.length >> 1;
  encodeReports(reports.slice(0, half), send);
  encodeReports(reports.slice(half), send);
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
  return value as unknown as readonly YardMessage[];
}
