import type { MsgHdrs } from '@nats-io/transport-node';

/**
 * Headers of a publish, already encoded: the client calls nothing but `encode()` when it sends. Building them
 * through its header map costs as much as the rest of a small publish.
 */
class EncodedHeaders {
  constructor(private readonly bytes: Uint8Array) {}

  encode(): Uint8Array {
    return this.bytes;
  }
}

export interface Fence {
  /** Sequence that must be the stream's last. */
  readonly last: number;
  /** Id that the message there must have; null = any. */
  readonly lastMsgId: string | null;
}

export function publishHeaders(msgId: string, fence: Fence | null): MsgHdrs {
  if (/[\r\n]/.test(msgId)) throw new Error('a message id has no line breaks');
  let text = `NATS/1.0\r\nNats-Msg-Id: ${msgId}\r\n`;
  if (fence !== null) text += `Nats-Expected-Last-Sequence: ${String(fence.last)}\r\n`;
  if (fence !== null && fence.lastMsgId !== null) text += `Nats-Expected-Last-Msg-Id: ${fence.lastMsgId}\r\n`;
  text += '\r\n';
  return new EncodedHeaders(Buffer.from(text, 'utf8')) as unknown as MsgHdrs;
}

/** More than `publishHeaders` ever adds, for the size check before a publish. */
export function headersAtMost(msgId: string): number {
  return 250 + msgId.length * 6;
}
