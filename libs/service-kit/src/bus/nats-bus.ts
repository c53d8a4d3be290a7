import {
  createInbox,
  headers,
  type Msg,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node';
import { hasOneListener, pack, rejection, unpack, YardError, type Reply } from '@yardmaster/contracts';
import type { Bus } from './bus.js';

type Serve = (body: unknown) => Promise<Reply<unknown>> | Reply<unknown>;
type Hear = (body: unknown, subject: string) => void;

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_PATIENCE_MS = 10_000;
/** Between two tries while nobody listens. */
const RETRY_MS = 100;
const SWEEP_MS = 250;
/** The broker takes messages up to 1 MB; a larger answer travels in parts. */
const PART_BYTES = 700 * 1024;
const PART_HEADER = 'Yard-Part';

interface Waiting {
  readonly subject: string;
  readonly body: Uint8Array;
  readonly resolve: (reply: Reply<never>) => void;
  readonly timeoutMs: number;
  readonly giveUpAt: number;
  deadline: number;
  /** Parts of a large answer so far. */
  parts: Uint8Array[];
}

export interface BusCounters {
  /** A message that is not msgpack, or whose handler threw. */
  refused(subject: string, reason: string, data: Uint8Array): void;
}

/**
 * Bus over one NATS connection: one inbox for all replies and one coarse timer for all time-outs, so that a request costs a
 * publish and a map entry. A subject with one listener, which is in this process, is not sent round by the broker: the same
 * bytes go to the listener in the next microtask. Invariant: each request resolves exactly once.
 */
export class NatsBus implements Bus {
  readonly #inbox = createInbox();
  readonly #waiting = new Map<string, Waiting>();
  readonly #replies: Subscription;
  readonly #servedHere = new Map<string, Serve>();
  readonly #heardHere = new Map<string, Hear>();
  #counter = 0;
  #sweeper: NodeJS.Timeout | null = null;

  constructor(
    private readonly nc: NatsConnection,
    private readonly counters: BusCounters,
  ) {
    this.#replies = nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#onReply(message);
      },
    });
  }

  request<T>(
    subject: string,
    body: unknown,
    options?: { timeoutMs?: number; patienceMs?: number },
  ): Promise<Reply<T>> {
    return this.requestBytes(subject, pack(body), options);
  }

  requestBytes<T>(
    subject: string,
    body: Uint8Array,
    options?: { timeoutMs?: number; patienceMs?: number },
  ): Promise<Reply<T>> {
    const timeoutMs = options?.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const now = performance.now();
    return new Promise((resolve) => {
      const giveUpAt = now + (options?.patienceMs ?? DEFAULT_PATIENCE_MS);
      this.#send({
        subject,
        body,
        resolve: resolve,
        timeoutMs,
        giveUpAt,
        deadline: now + timeoutMs,
        parts: [],
      });
    });
  }

  publish(subject: string, body: unknown): void {
    this.publishBytes(subject, pack(body));
  }

  publishBytes(subject: string, body: Uint8Array): void {
    if (this.nc.isClosed()) return;
    const here = this.#heardHere.get(subject);
    if (here === undefined) this.nc.publish(subject, body);
    else
      queueMicrotask(() => {
        this.#hear(here, body, subject);
      });
  }

  subscribe(subject: string, onMessage: Hear): { stop(): void } {
    const subscription = this.nc.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) this.#hear(onMessage, message.data, message.subject);
      },
    });
    return this.#listening(subscription, this.#heardHere, subject, onMessage);
  }

  serve(subject: string, handler: Serve): { stop(): void } {
    const subscription = this.nc.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) this.#answer(message, handler);
      },
    });
    return this.#listening(subscription, this.#servedHere, subject, handler);
  }

  close(): void {
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    if (!this.nc.isClosed()) this.#replies.unsubscribe();
    for (const waiting of this.#waiting.values())
      waiting.resolve({ ok: false, rejection: rejection('unavailable', 'the service is stopping') });
    this.#waiting.clear();
  }

  /** Notes who listens here, for as long as it does. */
  #listening<L>(
    subscription: Subscription,
    here: Map<string, L>,
    subject: string,
    listener: L,
  ): { stop(): void } {
    if (hasOneListener(subject)) here.set(subject, listener);
    return {
      stop: () => {
        if (here.get(subject) === listener) here.delete(subject);
        if (!this.nc.isClosed()) subscription.unsubscribe();
      },
    };
  }

  #hear(onMessage: Hear, bytes: Uint8Array, subject: string): void {
    try {
      onMessage(bodyOf(bytes), subject);
    } catch (cause) {
      this.counters.refused(subject, reasonOf(cause), bytes);
    }
  }

  #answer(message: Msg, handler: Serve): void {
    this.#carryOut(message.subject, message.data, handler, (reply) => {
      if (message.reply !== undefined && message.reply !== '' && !this.nc.isClosed())
        this.#respond(message.reply, pack(reply));
    });
  }

  #carryOut(
    subject: string,
    bytes: Uint8Array,
    handler: Serve,
    respond: (reply: Reply<unknown>) => void,
  ): void {
    try {
      const answer = handler(bodyOf(bytes));
      if (answer instanceof Promise)
        answer.then(respond, (cause: unknown) => {
          respond(this.#refusal(subject, bytes, cause));
        });
      else respond(answer);
    } catch (cause) {
      respond(this.#refusal(subject, bytes, cause));
    }
  }

  #respond(subject: string, bytes: Uint8Array): void {
    if (bytes.length <= PART_BYTES) {
      this.nc.publish(subject, bytes);
      return;
    }
    const n = Math.ceil(bytes.length / PART_BYTES);
    for (let k = 1; k <= n; k++) {
      const part = headers();
      part.set(PART_HEADER, `${String(k)}/${String(n)}`);
      this.nc.publish(subject, bytes.subarray((k - 1) * PART_BYTES, k * PART_BYTES), { headers: part });
    }
  }

  #refusal(subject: string, bytes: Uint8Array, cause: unknown): Reply<never> {
    if (cause instanceof YardError) return { ok: false, rejection: cause.rejection };
    this.counters.refused(subject, reasonOf(cause), bytes);
    return { ok: false, rejection: rejection('invalid-request', 'the command could not be understood') };
  }

  #send(waiting: Waiting): void {
    if (this.nc.isClosed()) {
      waiting.resolve({
        ok: false,
        rejection: rejection('unavailable', 'the broker connection is closed; try again shortly'),
      });
      return;
    }
    const token = String(++this.#counter);
    this.#waiting.set(token, waiting);
    this.#sweeper ??= setInterval(() => {
      this.#sweep();
    }, SWEEP_MS).unref();
    const here = this.#servedHere.get(waiting.subject);
    if (here === undefined) {
      this.nc.publish(waiting.subject, waiting.body, { reply: `${this.#inbox}.${token}` });
      return;
    }
    queueMicrotask(() => {
      this.#carryOut(waiting.subject, waiting.body, here, (reply) => {
        // An answer that comes after its time is nobody's any more.
        if (this.#waiting.delete(token)) waiting.resolve(reply as Reply<never>);
      });
    });
  }

  #onReply(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return;
    const whole = this.#whole(message, waiting);
    if (whole === null) return;
    this.#waiting.delete(token);
    // An empty body with a status header: nobody listens, so the command was certainly not carried out.
    if (message.data.length === 0 && message.headers?.code === 503) {
      this.#again(waiting);
      return;
    }
    try {
      waiting.resolve(unpack(whole) as Reply<never>);
    } catch {
      waiting.resolve({
        ok: false,
        rejection: rejection('internal', `the answer on ${waiting.subject} could not be read`),
      });
    }
  }

  /** The answer's bytes; null while parts are missing. The broker keeps the parts in order. */
  #whole(message: Msg, waiting: Waiting): Uint8Array | null {
    if (message.headers === undefined) return message.data;
    const part = message.headers.get(PART_HEADER);
    if (part === '') return message.data;
    const [k, n] = part.split('/').map(Number);
    waiting.parts.push(message.data);
    return k === n ? Buffer.concat(waiting.parts) : null;
  }

  #again(waiting: Waiting): void {
    if (performance.now() + RETRY_MS > waiting.giveUpAt) {
      waiting.resolve({
        ok: false,
        rejection: rejection('unavailable', `no owner answers on ${waiting.subject}; try again shortly`, {
          retryAfter: 1,
        }),
      });
      return;
    }
    setTimeout(() => {
      waiting.deadline = performance.now() + waiting.timeoutMs;
      this.#send(waiting);
    }, RETRY_MS);
  }

  #sweep(): void {
    const now = performance.now();
    for (const [token, waiting] of this.#waiting) {
      if (waiting.deadline > now) continue;
      this.#waiting.delete(token);
      waiting.resolve({
        ok: false,
        rejection: rejection('outcome-unknown', 'no answer in time; repeat with the same idempotency key'),
      });
    }
    if (this.#waiting.size === 0 && this.#sweeper !== null) {
      clearInterval(this.#sweeper);
      this.#sweeper = null;
    }
  }
}

/** Bytes that are no msgpack need no stack to be understood; a handler that threw does. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause instanceof UnreadableMessageError ? cause.message : (cause.stack ?? cause.message);
}

class UnreadableMessageError extends Error {
  override readonly name = 'UnreadableMessageError';
}

function bodyOf(bytes: Uint8Array): unknown {
  try {
    return unpack(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UnreadableMessageError(`not msgpack: ${why}`, { cause });
  }
}
