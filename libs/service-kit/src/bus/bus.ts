import type { Reply } from '@yardmaster/contracts';

/** Commands between services: request and reply, and one-way statements. Over NATS; what this process serves itself goes there at once. */
export interface Bus {
  /** Asks the owner of a duty. While nobody listens it asks again, for at most `patienceMs` (default 10 s), then rejects `unavailable`;
   * no answer within `timeoutMs` (default 10 s) is `outcome-unknown`. Never throws for either. */
  request<T>(
    subject: string,
    body: unknown,
    options?: { readonly timeoutMs?: number; readonly patienceMs?: number },
  ): Promise<Reply<T>>;
  /** The same with bytes already packed. */
  requestBytes<T>(
    subject: string,
    body: Uint8Array,
    options?: { readonly timeoutMs?: number; readonly patienceMs?: number },
  ): Promise<Reply<T>>;
  /** Says `body` (msgpack) to whoever listens. */
  publish(subject: string, body: unknown): void;
  publishBytes(subject: string, body: Uint8Array): void;
  /** One-way messages. `onMessage` gets the unpacked body; bytes that are not msgpack are counted and dropped. */
  subscribe(subject: string, onMessage: (body: unknown, subject: string) => void): { stop(): void };
  /** Serves commands; what the handler throws becomes a rejection `internal` (YardError keeps its own). A handler may answer later. */
  serve(
    subject: string,
    handler: (body: unknown) => Promise<Reply<unknown>> | Reply<unknown>,
  ): { stop(): void };
}
