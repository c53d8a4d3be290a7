import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { JS, type ApiErrorBody } from './jetstream-errors.js';

/**
 * What the broker answered to a publish.
 * - `conflict`: another message than expected is the last one: perhaps this one itself, stored before;
 * - `again`: not stored now, or not known; the same publish may be repeated.
 */
export type PublishAnswer =
  | { readonly kind: 'stored'; readonly seq: number }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'again'; readonly reason: string };

interface PubAck {
  readonly seq?: number;
  readonly error?: ApiErrorBody;
}

const CONFLICTS = new Set<number>([JS.wrongLastSequence, JS.wrongLastSequenceInFlight, JS.wrongLastMsgId]);

/** One inbox for the answers to all publishes of a connection: no subscription, timer or promise per publish. */
export class AckInbox {
  private readonly prefix = `${createInbox()}.`;
  private readonly waiting = new Map<string, (answer: PublishAnswer) => void>();
  private count = 0;

  constructor(private readonly nc: NatsConnection) {
    nc.subscribe(`${this.prefix}*`, {
      callback: (error, message) => {
        if (error === null) this.receive(message);
      },
    });
  }

  /** Returns the token by which `forget` drops the answer. */
  publish(
    subject: string,
    headers: MsgHdrs,
    data: Uint8Array,
    onAnswer: (answer: PublishAnswer) => void,
  ): string {
    const token = (this.count++).toString(36);
    this.nc.publish(subject, data, { reply: this.prefix + token, headers });
    this.waiting.set(token, onAnswer);
    return token;
  }

  forget(token: string): void {
    this.waiting.delete(token);
  }

  private receive(message: Msg): void {
    const token = message.subject.slice(this.prefix.length);
    const onAnswer = this.waiting.get(token);
    if (onAnswer === undefined) return;
    this.waiting.delete(token);
    onAnswer(readAnswer(message));
  }
}

function readAnswer(message: Msg): PublishAnswer {
  if (message.data.byteLength === 0) {
    const status = message.headers?.code;
    return {
      kind: 'again',
      reason: status === 503 ? 'no responders' : `empty answer ${String(status ?? '')}`,
    };
  }
  let ack: PubAck;
  try {
    ack = message.json();
  } catch {
    return { kind: 'again', reason: 'an answer that cannot be read' };
  }
  if (ack.error === undefined) return { kind: 'stored', seq: ack.seq ?? 0 };
  const { err_code: errCode, description } = ack.error;
  if (CONFLICTS.has(errCode ?? 0)) return { kind: 'conflict' };
  return { kind: 'again', reason: description ?? `error ${String(errCode ?? ack.error.code)}` };
}
