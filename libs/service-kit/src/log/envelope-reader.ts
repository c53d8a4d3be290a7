import { CHAIN_START, decodeEnvelope, hashOf, type Envelope } from '@yardmaster/contracts';
import type { EventLog, TenantKeystore } from '@yardmaster/ports';

/** The hash chain of a stream does not hold: a message was changed or replaced. */
export class BrokenChainError extends Error {
  override readonly name = 'BrokenChainError';
  readonly code = 'broken-chain';
  constructor(readonly stream: string, readonly seq: number) {
    super(`stream ${stream} sequence ${String(seq)}: its hash chain is broken; run \`yard doctor\` and restore the stream from a good copy`);
  }
}

/** Envelopes of one stream in order; checks contiguity (the log does) and the chain. */
export class EnvelopeReader {
  #prev: string | null = null;

  constructor(
    private readonly log: EventLog,
    private readonly stream: string,
    private readonly keystore: TenantKeystore,
  ) {}

  async *read(from: number, to: number): AsyncGenerator<Envelope> {
    if (from > to) return;
    if (this.#prev === null) this.#prev = from === 1 ? CHAIN_START : await this.#hashBefore(from);
    for await (const message of this.log.read(this.stream, from, to)) {
      const envelope = decodeEnvelope(this.stream, message.seq, message.data, (tenant) => this.keystore.keyOf(tenant));
      if (envelope.prev !== this.#prev) throw new BrokenChainError(this.stream, message.seq);
      this.#prev = envelope.hash;
      yield envelope;
    }
  }

  async #hashBefore(seq: number): Promise<string> {
    for await (const message of this.log.read(this.stream, seq - 1, seq - 1)) return hashOf(message.data);
    throw new BrokenChainError(this.stream, seq);
  }
}
