import type {
  EventLog,
  LogDurability,
  LogFollower,
  LogWriter,
  StoredMessage,
  StreamSpec,
} from '@yardmaster/ports';
import { LogGapError } from '@yardmaster/ports';
import type { NatsConnection } from '@nats-io/transport-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { AckInbox, type PublishAnswer } from './ack-inbox.js';
import { JetStreamApi } from './jetstream-api.js';
import { NatsLogError } from './jetstream-errors.js';
import { readLog } from './log-reader.js';
import { NatsLogWriter } from './nats-log-writer.js';
import { OrderedDelivery } from './ordered-delivery.js';
import { publishHeaders } from './publish-headers.js';
import { StreamSetup } from './stream-setup.js';
import type { Replicas } from './stream-shape.js';

const TICK_MS = 250;
/** A new leader among several may be behind for a moment. */
const CATCH_UP_MS = 2_000;
const FOLLOW_PULL = { messages: 2_000, bytes: 8 * 1024 * 1024 };

export interface NatsLogSettings {
  readonly durability: LogDurability;
  readonly replicas: Replicas;
  readonly deadlineMs: number;
  readonly answerTimeoutMs: number;
  readonly storeBytes: number | null;
}

/**
 * The event log over JetStream. It owns both connections: one for appends and their answers, one for everything
 * that is read, so that an answer never waits behind a replay.
 */
export class NatsEventLog implements EventLog {
  readonly durability: LogDurability;
  private readonly acks: AckInbox;
  private readonly writeApi: JetStreamApi;
  private readonly readApi: JetStreamApi;
  private readonly setup: StreamSetup;
  private readonly writers = new Set<NatsLogWriter>();
  private readonly followers = new Set<OrderedDelivery>();
  private readonly running = new Set<OrderedDelivery>();
  private readonly ticker: NodeJS.Timeout;
  private isUp = true;
  private isClosed = false;

  constructor(
    private readonly writes: NatsConnection,
    private readonly reads: NatsConnection,
    private readonly settings: NatsLogSettings,
  ) {
    this.durability = settings.durability;
    this.acks = new AckInbox(writes);
    this.writeApi = new JetStreamApi(writes, settings.deadlineMs);
    this.readApi = new JetStreamApi(reads, settings.deadlineMs);
    this.setup = new StreamSetup(this.writeApi, settings.replicas, settings.storeBytes);
    this.ticker = setInterval(() => {
      this.tick();
    }, TICK_MS);
    this.ticker.unref();
    void this.watchWrites();
    void this.watchReads();
  }

  ensure(streams: readonly StreamSpec[]): Promise<void> {
    return this.setup.ensure(streams);
  }

  head(stream: string): Promise<{ readonly first: number; readonly last: number }> {
    return this.readApi.head(stream);
  }

  read(stream: string, from: number, to: number): AsyncIterable<StoredMessage> {
    return readLog(this.reads, this.readApi, stream, from, to, {
      patienceMs: this.settings.deadlineMs * 3,
      running: this.running,
    });
  }

  async follow(
    stream: string,
    from: number,
    onMessage: (message: StoredMessage) => void,
    onFailure: (error: Error) => void,
  ): Promise<LogFollower> {
    let { first, last } = await this.head(stream);
    const until = performance.now() + (this.settings.replicas > 1 ? CATCH_UP_MS : 0);
    while (from > last + 1 && performance.now() < until) {
      await sleep(100);
      ({ first, last } = await this.head(stream));
    }
    if (from > last + 1) throw new LogGapError(stream, last + 1, from);
    if (from < first) throw new LogGapError(stream, from, first);
    const delivery = new OrderedDelivery(this.reads, this.readApi, stream, from, FOLLOW_PULL, {
      onMessage,
      onFailure: (error) => {
        this.followers.delete(delivery);
        onFailure(error);
      },
      wantsMore: () => true,
    });
    const stop = (): void => {
      this.followers.delete(delivery);
      delivery.stop();
    };
    this.followers.add(delivery);
    try {
      await delivery.start();
    } catch (error) {
      stop();
      throw error;
    }
    return { stop };
  }

  /** The stream must have been through `ensure`. */
  writer(stream: string, last: number): LogWriter {
    const link = {
      acks: this.acks,
      api: this.writeApi,
      replicas: this.settings.replicas,
      isUp: () => this.isUp,
      maxPayload: () => this.writes.info?.max_payload ?? 1_048_576,
    };
    const writer = new NatsLogWriter(stream, this.setup.subjectOf(stream), last, link, this.settings);
    for (const earlier of this.writers) if (earlier.isEnded) this.writers.delete(earlier);
    if (this.isClosed) writer.close();
    else this.writers.add(writer);
    return writer;
  }

  async appendUnfenced(stream: string, msgId: string, data: Uint8Array): Promise<void> {
    const subject = this.setup.subjectOf(stream);
    const headers = publishHeaders(msgId, null);
    const deadline = performance.now() + this.settings.deadlineMs;
    for (;;) {
      const answer = await this.publishOnce((onAnswer) =>
        this.acks.publish(subject, headers, data, onAnswer),
      );
      if (answer.kind === 'stored') return;
      const reason = answer.kind === 'again' ? answer.reason : 'conflict';
      if (performance.now() > deadline || this.isClosed) {
        throw new NatsLogError('log-unavailable', `append to ${stream} is unresolved: ${reason}`);
      }
      await sleep(100);
    }
  }

  async purge(stream: string, upTo: number): Promise<void> {
    const { last } = await this.head(stream);
    const first = Math.min(upTo + 1, last);
    if (first > 1) await this.writeApi.purge(stream, first);
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    clearInterval(this.ticker);
    for (const follower of this.followers) follower.stop();
    for (const read of this.running) read.abort(new NatsLogError('log-closed', 'the log is closed'));
    for (const writer of this.writers) writer.close();
    await this.reads.flush().catch(() => undefined);
    await Promise.all([this.writes.close(), this.reads.close()]);
  }

  private publishOnce(
    publish: (onAnswer: (answer: PublishAnswer) => void) => string,
  ): Promise<PublishAnswer> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.acks.forget(token);
        resolve({ kind: 'again', reason: 'no answer' });
      }, this.settings.answerTimeoutMs);
      const token = publish((answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  }

  private tick(): void {
    const now = performance.now();
    for (const writer of this.writers) writer.tick(now);
  }

  private async watchWrites(): Promise<void> {
    for await (const status of this.writes.status()) {
      if (status.type === 'disconnect') this.isUp = false;
      if (status.type !== 'reconnect') continue;
      this.isUp = true;
      for (const writer of this.writers) writer.reconnected();
    }
  }

  private async watchReads(): Promise<void> {
    for await (const status of this.reads.status()) {
      if (status.type !== 'reconnect') continue;
      for (const delivery of [...this.followers, ...this.running]) delivery.reconnected();
    }
  }
}
