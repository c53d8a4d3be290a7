import type { StoredMessage } from '@yardmaster/ports';
import type { Msg } from '@nats-io/transport-node';

/** Where a delivery stands in its stream and among the deliveries of its consumer, from the reply subject. */
export interface DeliveryPlace {
  readonly streamSeq: number;
  readonly deliverySeq: number;
}

const V1_TOKENS = 9;

/**
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<delivery seq>.<time>.<pending>`, and with a domain and an
 * account hash after `$JS.ACK` since 2.14; null for anything else.
 */
export function deliveryPlace(reply: string): DeliveryPlace | null {
  if (!reply.startsWith('$JS.ACK.')) return null;
  const tokens = reply.split('.');
  const at = tokens.length === V1_TOKENS ? 5 : 7;
  return { streamSeq: Number(tokens[at]), deliverySeq: Number(tokens[at + 1]) };
}

export function storedMessage(stream: string, seq: number, message: Msg): StoredMessage {
  return { stream, seq, msgId: message.headers?.get('Nats-Msg-Id') ?? '', data: message.data };
}
