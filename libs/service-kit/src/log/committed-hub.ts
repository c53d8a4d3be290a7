import type { Envelope } from '@yardmaster/contracts';
import type { EventLog, LogFollower, StoredMessage, TenantKeystore } from '@yardmaster/ports';
import { CommitGroups } from './commit-groups.js';
import type { CommittedFeed, CommittedLog } from './committed-feed.js';
import { EnvelopeReader, linkAt, linkOf, readMessage, type OnForeign } from './envelope-reader.js';

/** Events that a feed keeps in memory for its reader; beyond it reads from the log again. */
const BUFFER_EVENTS = 60_000;
/** Bytes of a stream that wait unread, before they are read whether anybody asks or not. */
const UNREAD_BYTES = 8 * 1024 * 1024;
/** Rough size of an event in a message. */
const EVENT_BYTES = 24;

/**
 * Committed envelopes for readers of this process. Streams that this process writes are passed on as they are committed;
 * others are followed in the broker, once for all readers, and read (decoded, their chain checked) when a reader asks.
 */
export class CommittedHub implements CommittedLog {
  readonly #streams = new Map<string, StreamTail>();
  #arrived = 0;

  constructor(
    private readonly log: EventLog,
    private readonly keystore: TenantKeystore,
    private readonly onFailure: (stream: string, error: Error) => void,
    private readonly onForeign?: OnForeign,
  ) {}

  get arrived(): number {
    return this.#arrived;
  }

  /** From now on this process passes the stream's envelopes on itself, from `head` on. */
  own(stream: string, head: number): void {
    const tail = this.#tail(stream);
    tail.stop();
    tail.local = true;
    tail.head = Math.max(tail.head, head);
  }

  /** Another process may write it from now on: whoever reads here goes on from the broker. */
  disown(stream: string): void {
    const tail = this.#tail(stream);
    tail.local = false;
    if (tail.feeds.size > 0) this.#followTail(stream, tail);
  }

  publish(envelope: Envelope): void {
    this.#arrived += envelope.events.length;
    this.#tail(envelope.stream).push(envelope);
  }

  /** Calls back for every committed envelope of a stream after `after`; used by roles whose writers live elsewhere. */
  async follow(
    stream: string,
    after: number,
    onEnvelope: (envelope: Envelope) => void,
    onEnd: (error: Error) => void = () => undefined,
  ): Promise<LogFollower> {
    let prev = await linkAt(this.log, stream, after, this.keystore);
    return await this.log.follow(
      stream,
      after + 1,
      (message) => {
        const envelope = readMessage(stream, message, prev, this.keystore, this.onForeign);
        prev = linkOf(envelope, prev);
        onEnvelope(envelope);
      },
      (error) => {
        this.onFailure(stream, error);
        onEnd(error);
      },
    );
  }

  feed(stream: string, after: number): CommittedFeed {
    const tail = this.#tail(stream);
    const feed = new Feed(tail, after, (from, to) => this.read(stream, from, to));
    if (!tail.local && !tail.following) this.#followTail(stream, tail);
    return feed;
  }

  #followTail(stream: string, tail: StreamTail): void {
    tail.following = true;
    const era = ++tail.era;
    const isOver = (): boolean => era !== tail.era;
    void this.log
      .head(stream)
      .then(async ({ last }) => {
        if (isOver()) return;
        tail.head = Math.max(tail.head, last);
        let prev = await linkAt(this.log, stream, last, this.keystore);
        const fail = (error: Error): void => {
          this.onFailure(stream, error);
          if (!isOver()) tail.fail(error);
        };
        const unread = new Unread((message) => {
          try {
            const envelope = readMessage(stream, message, prev, this.keystore, this.onForeign);
            prev = linkOf(envelope, prev);
            return envelope;
          } catch (error) {
            fail(error as Error);
            return null;
          }
        });
        tail.unread = unread;
        const follower = await this.log.follow(
          stream,
          last + 1,
          (message) => {
            if (isOver()) return;
            this.#arrived += message.data.byteLength / EVENT_BYTES;
            unread.add(message);
            tail.head = message.seq;
            if (unread.bytes > UNREAD_BYTES) tail.read(Infinity);
            tail.wake();
          },
          fail,
        );
        if (isOver()) {
          follower.stop();
          return;
        }
        tail.follower = follower;
        tail.wake();
      })
      .catch((error: unknown) => {
        if (isOver()) return;
        this.onFailure(stream, error as Error);
        tail.fail(error as Error);
      });
  }

  async head(stream: string): Promise<number> {
    const tail = this.#streams.get(stream);
    if (tail !== undefined && (tail.local || tail.follower !== null)) return tail.head;
    return (await this.log.head(stream)).last;
  }

  read(stream: string, from: number, to: number): AsyncIterable<Envelope> {
    return new EnvelopeReader(this.log, stream, this.keystore, this.onForeign).read(from, to);
  }

  stop(): void {
    for (const tail of this.#streams.values()) tail.stop();
  }

  #tail(stream: string): StreamTail {
    let tail = this.#streams.get(stream);
    if (tail === undefined) this.#streams.set(stream, (tail = new StreamTail()));
    return tail;
  }
}

/** The newest end of one stream and who reads it. */
class StreamTail {
  head = 0;
  /** Grows when who tells of the stream changes. */
  era = 0;
  local = false;
  following = false;
  follower: LogFollower | null = null;
  readonly feeds = new Set<Feed>();
  /** What came from the broker; null while this process writes the stream or nobody follows it. */
  unread: Unread | null = null;

  /** Passes on about so many events of what came. */
  read(maxEvents: number): void {
    for (let events = 0; events < maxEvents;) {
      const envelope = this.unread?.take() ?? null;
      if (envelope === null) return;
      events += Math.max(1, envelope.events.length);
      for (const feed of this.feeds) feed.push(envelope);
    }
  }

  push(envelope: Envelope): void {
    this.head = envelope.seq;
    for (const feed of this.feeds) feed.push(envelope);
  }

  wake(): void {
    for (const feed of this.feeds) feed.wake();
  }

  /** Nothing more comes: every reader is told, and the next one has it followed anew. */
  fail(error: Error): void {
    this.stop();
    for (const feed of this.feeds) feed.fail(error);
  }

  stop(): void {
    this.era++;
    this.follower?.stop();
    this.follower = null;
    this.following = false;
    this.unread = null;
  }
}

/** Messages of a stream in order, read one by one when they are asked for. */
class Unread {
  #messages: StoredMessage[] = [];
  #at = 0;
  bytes = 0;

  /** `open` gives null when it can't be read: nothing behind it is. */
  constructor(private readonly open: (message: StoredMessage) => Envelope | null) {}

  add(message: StoredMessage): void {
    this.#messages.push(message);
    this.bytes += message.data.byteLength;
  }

  take(): Envelope | null {
    const message = this.#messages[this.#at];
    if (message === undefined) return null;
    this.#at++;
    this.bytes -= message.data.byteLength;
    if (this.#at === this.#messages.length) {
      this.#messages = [];
      this.#at = 0;
    }
    return this.open(message);
  }
}

class Feed implements CommittedFeed {
  #position: number;
  #buffer: Envelope[] = [];
  #buffered = 0;
  #wake: (() => void) | null = null;
  #stopped = false;
  #failure: Error | null = null;
  readonly #groups = new CommitGroups();

  constructor(
    private readonly tail: StreamTail,
    after: number,
    private readonly read: (from: number, to: number) => AsyncIterable<Envelope>,
  ) {
    this.#position = after;
    tail.feeds.add(this);
  }

  push(envelope: Envelope): void {
    const last = this.#buffer.at(-1)?.seq ?? this.#position;
    // What does not fit is read from the log when its turn comes.
    if (envelope.seq === last + 1 && this.#buffered < BUFFER_EVENTS) {
      this.#buffer.push(envelope);
      this.#buffered += envelope.events.length;
    }
    this.wake();
  }

  /** Ends it: what lies behind can't be had in order any more. */
  fail(error: Error): void {
    this.#failure = error;
    this.wake();
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  async next(maxEvents: number): Promise<readonly Envelope[]> {
    for (;;) {
      if (this.#stopped) return [];
      if (this.#buffer.length === 0) this.tail.read(maxEvents);
      if (this.#failure !== null) throw this.#failure;
      const taken = this.#buffer.length > 0 ? this.#takeBuffered(maxEvents) : await this.#readLog(maxEvents);
      const whole = taken.flatMap((envelope) => this.#groups.accept(envelope));
      if (whole.length > 0) return whole;
      // Looked at again: something may have come, or an end, while the log was asked.
      const isIdle = taken.length === 0 && this.#buffer.length === 0 && this.#position >= this.tail.head;
      if (isIdle && !this.#stopped && this.#failure === null)
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  #takeBuffered(maxEvents: number): Envelope[] {
    let events = 0;
    let n = 0;
    while (n < this.#buffer.length && (n === 0 || events < maxEvents))
      events += this.#buffer[n++]?.events.length ?? 0;
    const taken = this.#buffer.splice(0, n);
    this.#buffered -= events;
    this.#position = taken.at(-1)?.seq ?? this.#position;
    return taken;
  }

  async #readLog(maxEvents: number): Promise<Envelope[]> {
    const taken: Envelope[] = [];
    if (this.#position >= this.tail.head) return taken;
    let events = 0;
    for await (const envelope of this.read(this.#position + 1, this.tail.head)) {
      taken.push(envelope);
      this.#position = envelope.seq;
      events += envelope.events.length;
      if (events >= maxEvents) break;
    }
    this.#buffer = this.#buffer.filter((envelope) => envelope.seq > this.#position);
    this.#buffered = this.#buffer.reduce((sum, envelope) => sum + envelope.events.length, 0);
    if (this.#buffer[0] !== undefined && this.#buffer[0].seq !== this.#position + 1) {
      this.#buffer = [];
      this.#buffered = 0;
    }
    return taken;
  }

  stop(): void {
    this.#stopped = true;
    this.tail.feeds.delete(this);
    this.wake();
  }
}
