import {
  CHAIN_START,
  decodeEnvelope,
  hashOf,
  NotAnEnvelopeError,
  type Envelope,
} from '@yardmaster/contracts';
import type { EventLog, StoredMessage, TenantKeystore } from '@yardmaster/ports';

/** The hash chain of a stream does not hold: a message was changed or replaced. */
export class BrokenChainError extends Error {
  override readonly name = 'BrokenChainError';
  readonly code = 'broken-chain';
  constructor(
    readonly stream: string,
    readonly seq: number,
  ) {
    super(
      `stream ${stream} sequence ${String(seq)}: its hash chain is broken; run \`yard doctor\` and restore the stream from a good copy`,
    );
  }
}

/** Told of a message in a stream that is no envelope. */
export type OnForeign = (stream: string, seq: number) => void;

/**
 * The envelope of a message that follows on `prev` (null = not known). A message that somebody else wrote past the owners says
 * nothing: an envelope without events stands for it, and its bytes are a link of the chain, as the owner that finds it there
 * writes on after it. So an envelope that was overwritten is still found out: the next one does not follow on what lies there.
 */
export function readMessage(
  stream: string,
  message: StoredMessage,
  prev: string | null,
  keystore: TenantKeystore,
  onForeign?: OnForeign,
): Envelope {
  let envelope: Envelope;
  try {
    envelope = decodeEnvelope(stream, message.seq, message.data, (tenant) => keystore.keyOf(tenant));
  } catch (cause) {
    if (!(cause instanceof NotAnEnvelopeError)) throw cause;
    onForeign?.(stream, message.seq);
    return {
      stream,
      seq: message.seq,
      node: '',
      epoch: 0,
      commit: '',
      at: 0,
      seed: 0,
      config: '',
      causes: [],
      group: null,
      events: [],
      hash: hashOf(message.data),
      prev: prev ?? '',
    };
  }
  if (prev !== null && envelope.prev !== prev) throw new BrokenChainError(stream, message.seq);
  return envelope;
}

/** sha256 of what lies at `seq`, `CHAIN_START` before the first; null when it is not there any more. */
export async function hashAt(log: EventLog, stream: string, seq: number): Promise<string | null> {
  if (seq === 0) return CHAIN_START;
  for await (const message of log.read(stream, seq, seq)) return hashOf(message.data);
  return null;
}

/** Envelopes of one stream in order; checks contiguity (the log does) and the chain. */
export class EnvelopeReader {
  #prev: string | null = null;

  constructor(
    private readonly log: EventLog,
    private readonly stream: string,
    private readonly keystore: TenantKeystore,
    private readonly onForeign?: OnForeign,
  ) {}

  async *read(from: number, to: number): AsyncGenerator<Envelope> {
    if (from > to) return;
    this.#prev ??= await hashAt(this.log, this.stream, from - 1);
    if (this.#prev === null) throw new BrokenChainError(this.stream, from);
    for await (const message of this.log.read(this.stream, from, to)) {
      const envelope = readMessage(this.stream, message, this.#prev, this.keystore, this.onForeign);
      this.#prev = envelope.hash;
      yield envelope;
    }
  }
}
