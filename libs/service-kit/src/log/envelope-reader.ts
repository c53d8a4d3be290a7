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

/** Told of a message in a stream that no owner wrote: it is no envelope, or of an owner that was followed by another. */
export type OnForeign = (stream: string, seq: number) => void;

/** What the next message of a stream has to follow on. */
export interface ChainLink {
  /** sha256 of the message. */
  readonly hash: string;
  /** Of the latest owner up to there. */
  readonly epoch: number;
}

/** The link that an envelope makes after the one before it. */
export function linkOf({ hash, epoch }: Envelope, prev: ChainLink | null): ChainLink {
  return { hash, epoch: Math.max(epoch, prev?.epoch ?? 0) };
}

/**
 * The envelope of a message that follows on `prev` (null = not known). A message that somebody else wrote past the owners, or an
 * owner after it was followed by another, says nothing: an envelope without events stands for it, and its bytes are a link of
 * the chain, as the owner that finds it there writes on after it. So an envelope that was overwritten is still found out: the
 * next one does not follow on what lies there.
 */
export function readMessage(
  stream: string,
  message: StoredMessage,
  prev: ChainLink | null,
  keystore: TenantKeystore,
  onForeign?: OnForeign,
): Envelope {
  let envelope: Envelope | null = null;
  try {
    envelope = decodeEnvelope(stream, message.seq, message.data, (tenant) => keystore.keyOf(tenant));
  } catch (cause) {
    if (!(cause instanceof NotAnEnvelopeError)) throw cause;
  }
  if (envelope === null || (prev !== null && envelope.epoch < prev.epoch)) {
    onForeign?.(stream, message.seq);
    return nothing(stream, message, prev);
  }
  if (prev !== null && envelope.prev !== prev.hash) throw new BrokenChainError(stream, message.seq);
  return envelope;
}

function nothing(stream: string, message: StoredMessage, prev: ChainLink | null): Envelope {
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
    prev: prev?.hash ?? '',
  };
}

/** The link at `seq`, that of an empty stream before the first message; null when it is not there any more. */
export async function linkAt(
  log: EventLog,
  stream: string,
  seq: number,
  keystore: TenantKeystore,
): Promise<ChainLink | null> {
  if (seq === 0) return { hash: CHAIN_START, epoch: 0 };
  for await (const message of log.read(stream, seq, seq))
    return linkOf(readMessage(stream, message, null, keystore), null);
  return null;
}

/** Envelopes of one stream in order; checks contiguity (the log does) and the chain. */
export class EnvelopeReader {
  #prev: ChainLink | null = null;

  constructor(
    private readonly log: EventLog,
    private readonly stream: string,
    private readonly keystore: TenantKeystore,
    private readonly onForeign?: OnForeign,
  ) {}

  async *read(from: number, to: number): AsyncGenerator<Envelope> {
    if (from > to) return;
    this.#prev ??= await linkAt(this.log, this.stream, from - 1, this.keystore);
    if (this.#prev === null) throw new BrokenChainError(this.stream, from);
    for await (const message of this.log.read(this.stream, from, to)) {
      const envelope = readMessage(this.stream, message, this.#prev, this.keystore, this.onForeign);
      this.#prev = linkOf(envelope, this.#prev);
      yield envelope;
    }
  }
}
