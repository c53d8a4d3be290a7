import { pack, rejection, unpack, type Reply } from '@yardmaster/contracts';
import type { Bus } from '@yardmaster/service-kit';

type Handler = (body: unknown) => Promise<Reply<unknown>> | Reply<unknown>;

/** Commands inside one test process; bodies pass through the wire format as they would over the network. */
export class LocalBus implements Bus {
  readonly #handlers = new Map<string, Handler>();
  readonly #listeners = new Map<string, Set<(body: unknown, subject: string) => void>>();

  async request<T>(subject: string, body: unknown): Promise<Reply<T>> {
    const handler = this.#handlers.get(subject);
    if (handler === undefined)
      return { ok: false, rejection: rejection('unavailable', `nobody listens on ${subject}`) };
    return unpack(pack(await handler(unpack(pack(body))))) as Reply<T>;
  }

  requestBytes<T>(subject: string, body: Uint8Array): Promise<Reply<T>> {
    return this.request(subject, unpack(body));
  }

  publish(subject: string, body: unknown): void {
    this.publishBytes(subject, pack(body));
  }

  publishBytes(subject: string, bytes: Uint8Array): void {
    // As over a network: whoever says something hears no answer before it is done.
    queueMicrotask(() => {
      const any = `${subject.slice(0, subject.lastIndexOf('.'))}.*`;
      for (const name of new Set([subject, any]))
        for (const listen of [...(this.#listeners.get(name) ?? [])]) listen(unpack(bytes), subject);
      void this.#handlers.get(subject)?.(unpack(bytes));
    });
  }

  subscribe(subject: string, onMessage: (body: unknown, subject: string) => void): { stop(): void } {
    let listeners = this.#listeners.get(subject);
    if (listeners === undefined) this.#listeners.set(subject, (listeners = new Set()));
    listeners.add(onMessage);
    return {
      stop: () => {
        listeners.delete(onMessage);
      },
    };
  }

  serve(subject: string, handler: Handler): { stop(): void } {
    this.#handlers.set(subject, handler);
    return {
      stop: () => {
        if (this.#handlers.get(subject) === handler) this.#handlers.delete(subject);
      },
    };
  }
}
