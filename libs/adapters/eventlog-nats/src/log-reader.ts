import { LogGapError, type StoredMessage } from '@yardmaster/ports';
import type { NatsConnection } from '@nats-io/transport-node';
import type { JetStreamApi } from './jetstream-api.js';
import { NatsLogError } from './jetstream-errors.js';
import { OrderedDelivery } from './ordered-delivery.js';

const PULL = { messages: 2_000, bytes: 8 * 1024 * 1024 };
const QUEUED_BYTES = 16 * 1024 * 1024;
/** Below this a consumer costs more than asking for each message. */
const FEW = 4;

export interface ReadOptions {
  /** Without any message for so long a read gives up. */
  readonly patienceMs: number;
  /** Where a running read is entered, so that a reconnect or a close reaches it. */
  readonly running: Set<OrderedDelivery>;
}

/** Messages `from`..`to`, both included. */
export async function* readLog(
  nc: NatsConnection,
  api: JetStreamApi,
  stream: string,
  from: number,
  to: number,
  options: ReadOptions,
): AsyncGenerator<StoredMessage> {
  if (from > to) return;
  if (to - from < FEW) {
    yield* readEach(api, stream, from, to);
    return;
  }
  const { first, last } = await api.head(stream);
  if (from < first) throw new LogGapError(stream, from, last < first ? 0 : first);
  const queue = new ReadQueue(nc, api, stream, from, to, options);
  try {
    await queue.start();
    for (let seq = from; seq <= Math.min(to, last); seq++) yield queue.take() ?? (await queue.wait());
  } finally {
    queue.stop();
  }
  if (to > last) throw new LogGapError(stream, last + 1, 0);
}

async function* readEach(
  api: JetStreamApi,
  stream: string,
  from: number,
  to: number,
): AsyncGenerator<StoredMessage> {
  for (let seq = from; seq <= to; seq++) {
    const found = await api.message(stream, seq);
    if (found === null) {
      const { first, last } = await api.head(stream);
      throw new LogGapError(stream, seq, seq < first && first <= last ? first : 0);
    }
    yield { stream, seq, msgId: found.msgId, data: found.data };
  }
}

/** What has arrived and is not read yet; pulls pause while it is large. */
class ReadQueue {
  private arrived: StoredMessage[] = [];
  private at = 0;
  private bytes = 0;
  private failure: Error | null = null;
  private waiter: { resolve: (message: StoredMessage) => void; reject: (error: Error) => void } | null = null;
  private timer: NodeJS.Timeout | null = null;
  private readonly delivery: OrderedDelivery;

  constructor(
    nc: NatsConnection,
    api: JetStreamApi,
    private readonly stream: string,
    from: number,
    to: number,
    private readonly options: ReadOptions,
  ) {
    this.delivery = new OrderedDelivery(nc, api, stream, from, PULL, {
      onMessage: (message) => {
        if (message.seq > to) return;
        this.arrived.push(message);
        this.bytes += message.data.byteLength;
        this.wake();
        if (message.seq === to) this.delivery.stop();
      },
      onFailure: (error) => {
        this.failure = error;
        this.wake();
      },
      wantsMore: () => this.bytes < QUEUED_BYTES,
    });
  }

  start(): Promise<void> {
    this.options.running.add(this.delivery);
    return this.delivery.start();
  }

  stop(): void {
    this.options.running.delete(this.delivery);
    this.delivery.stop();
    if (this.timer !== null) clearTimeout(this.timer);
  }

  take(): StoredMessage | undefined {
    const message = this.arrived[this.at];
    if (message === undefined) return undefined;
    this.at++;
    this.bytes -= message.data.byteLength;
    if (this.at === this.arrived.length) {
      this.arrived = [];
      this.at = 0;
    }
    if (this.bytes < QUEUED_BYTES / 2) this.delivery.topUp();
    return message;
  }

  wait(): Promise<StoredMessage> {
    return new Promise((resolve, reject) => {
      this.waiter = { resolve, reject };
      this.timer = setTimeout(() => {
        const waited = String(this.options.patienceMs);
        this.failure = new NatsLogError(
          'log-unavailable',
          `reading ${this.stream}: nothing came for ${waited} ms`,
        );
        this.wake();
      }, this.options.patienceMs);
      this.wake();
    });
  }

  private wake(): void {
    const { waiter } = this;
    if (waiter === null) return;
    const message = this.take();
    if (message === undefined && this.failure === null) return;
    this.waiter = null;
    if (this.timer !== null) clearTimeout(this.timer);
    if (message !== undefined) waiter.resolve(message);
    else if (this.failure !== null) waiter.reject(this.failure);
  }
}
