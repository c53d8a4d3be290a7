import type { StoredMessage, StreamSpec } from '@yardmaster/ports';
import { MemoryEventLog } from './memory-event-log.js';
import { StoredStream } from './stored-stream.js';

/**
 * The broker of the in-memory log: what survives a crash lives here, what dies with a process lives in
 * `MemoryEventLog`.
 *
 * A publish passes two points: it is *in flight* until it is stored (then followers and readers see it), and
 * *unanswered* until its writer hears of it. A test can hold either point, step through one publish at a time,
 * inject faults, and crash one log or all.
 *
 * Invariants:
 * 1. What is stored stays stored; a crash can lose only what is in flight.
 * 2. Per stream the survivors of a crash are a prefix of what was in flight; streams are independent.
 * 3. Nothing of a crashed log ever resolves, calls back or throws.
 */

/** A publish on its way. */
export interface PublishedMessage {
  readonly stream: string;
  /** Where it will stand if accepted; null for one without fence. */
  readonly seq: number | null;
  /** Id of the writer's own append before it, which must stand right before this one; null for its first. */
  readonly after: string | null;
  readonly msgId: string;
  readonly data: Uint8Array;
}

/**
 * What a test makes of a publish:
 * - `lose-answer`: stored, the answer is lost, the writer asks again and finds its own message;
 * - `refuse`: answered as if another had written there;
 * - `unresolved-stored`, `unresolved-dropped`: the writer's deadline passes, the message is stored or not.
 */
export type PublishFault = 'lose-answer' | 'refuse' | 'unresolved-stored' | 'unresolved-dropped';

export type HoldPoint = 'publishes' | 'answers';

export interface MemoryLogOptions {
  /** When the broker acts on what was published; `queueMicrotask` unless given. Must not call back at once. */
  readonly schedule?: (act: () => void) => void;
}

export type BrokerAnswer =
  | { readonly kind: 'stored'; readonly seq: number }
  | { readonly kind: 'conflict'; readonly head: number }
  | { readonly kind: 'none'; readonly reason: string };

interface InFlight extends PublishedMessage {
  readonly client: MemoryEventLog;
  readonly answer: (answer: BrokerAnswer) => void;
  readonly isRepeat: boolean;
}

export class MemoryLogWorld {
  /** Asked for each publish that reaches the broker, once. */
  onPublish: ((message: PublishedMessage) => PublishFault | undefined) | null = null;

  private readonly streams = new Map<string, StoredStream>();
  private readonly clients = new Set<MemoryEventLog>();
  private readonly schedule: (act: () => void) => void;
  private held: HoldPoint | null = null;
  private flights: InFlight[] = [];
  private answers: { readonly client: MemoryEventLog; readonly give: () => void }[] = [];
  private isScheduled = false;

  constructor(options: MemoryLogOptions = {}) {
    this.schedule = options.schedule ?? queueMicrotask;
  }

  /** One more process on this log. */
  open(): MemoryEventLog {
    const log = new MemoryEventLog(this);
    this.clients.add(log);
    return log;
  }

  /** From now on publishes wait in flight, or are stored without an answer, until stepped or released. */
  hold(point: HoldPoint = 'publishes'): void {
    this.held = point;
  }

  release(): void {
    this.held = null;
    const answers = this.answers;
    this.answers = [];
    for (const answer of answers) answer.give();
    this.wake();
  }

  /** Lets the oldest publish in flight (of `stream`) through while held; null when there is none. */
  step(stream?: string): PublishedMessage | null {
    const at = this.flights.findIndex((flight) => stream === undefined || flight.stream === stream);
    const flight = this.flights[at];
    if (flight === undefined) return null;
    this.flights.splice(at, 1);
    this.settle(flight);
    this.wake();
    return flight;
  }

  /** What is published and not stored, oldest first. */
  inFlight(): readonly PublishedMessage[] {
    return this.flights;
  }

  /** Resolves when nothing moves any more: all is stored and followed, or held. */
  async settled(): Promise<void> {
    while (this.isScheduled)
      await new Promise<void>((resolve) => {
        this.schedule(resolve);
      });
  }

  /**
   * Kills all logs, or `only` one. What they had in flight is stored as long as `keep` says so; the first of a
   * stream that is not kept takes the later ones of that stream with it. Returns a fresh log over what survived.
   */
  crash(options: { keep: (message: PublishedMessage) => boolean; only?: MemoryEventLog }): MemoryEventLog {
    const dies = (client: MemoryEventLog): boolean => options.only === undefined || client === options.only;
    const dying = this.flights.filter((flight) => dies(flight.client));
    this.flights = this.flights.filter((flight) => !dies(flight.client));
    this.answers = this.answers.filter((answer) => !dies(answer.client));
    for (const client of this.clients) if (dies(client)) this.bury(client);
    const cut = new Set<string>();
    for (const flight of dying) {
      if (cut.has(flight.stream)) continue;
      if (options.keep(flight)) this.store(flight);
      else cut.add(flight.stream);
    }
    if (options.only === undefined) this.held = null;
    this.wake();
    return this.open();
  }

  /** Purges the front of a stream up to and including `seq`. */
  trim(stream: string, seq: number): void {
    this.stream(stream).trim(seq);
  }

  /** Damages the store: `seq` is gone, its neighbours stay. */
  damage(stream: string, seq: number): void {
    this.stream(stream).damage(seq);
  }

  /** Everything stored in `stream`, oldest first, holes left out. */
  stored(stream: string): readonly StoredMessage[] {
    return this.stream(stream).all();
  }

  /** @internal */
  ensure(specs: readonly StreamSpec[]): void {
    for (const spec of specs) {
      if (!this.streams.has(spec.name))
        this.streams.set(spec.name, new StoredStream(spec.name, spec.maxBytes));
    }
  }

  /** @internal */
  stream(name: string): StoredStream {
    const stream = this.streams.get(name);
    if (stream === undefined) throw new Error(`stream ${name} does not exist: ensure it first`);
    return stream;
  }

  /** @internal */
  publish(client: MemoryEventLog, message: PublishedMessage, answer: (answer: BrokerAnswer) => void): void {
    this.stream(message.stream);
    this.flights.push({ ...message, client, answer, isRepeat: false });
    this.wake();
  }

  /** @internal */
  bury(client: MemoryEventLog): void {
    client.die();
    this.clients.delete(client);
  }

  /** @internal Has the broker look at its work and its followers soon. */
  wake(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.schedule(() => {
      this.isScheduled = false;
      while (this.held !== 'publishes') {
        const flights = this.flights;
        if (flights.length === 0) break;
        this.flights = [];
        for (const flight of flights) this.settle(flight);
      }
      for (const client of this.clients) client.feed();
    });
  }

  private settle(flight: InFlight): void {
    const fault = flight.isRepeat ? undefined : this.onPublish?.(flight);
    if (fault === 'refuse') {
      this.reply(flight, { kind: 'conflict', head: this.stream(flight.stream).last });
    } else if (fault === 'unresolved-dropped') {
      this.reply(flight, { kind: 'none', reason: 'deadline passed' });
    } else {
      const answer = this.store(flight);
      if (fault === 'unresolved-stored') this.reply(flight, { kind: 'none', reason: 'deadline passed' });
      else if (fault === 'lose-answer') this.flights.push({ ...flight, isRepeat: true });
      else this.reply(flight, answer);
    }
  }

  private store(flight: InFlight): BrokerAnswer {
    const stream = this.stream(flight.stream);
    if (flight.seq !== null && flight.seq !== stream.last + 1) {
      const isOwn = stream.get(flight.seq)?.msgId === flight.msgId;
      return isOwn ? { kind: 'stored', seq: flight.seq } : { kind: 'conflict', head: stream.last };
    }
    if (flight.after !== null && stream.get(stream.last)?.msgId !== flight.after) {
      return { kind: 'conflict', head: stream.last };
    }
    const earlier = flight.seq === null ? stream.find(flight.msgId) : undefined;
    if (earlier !== undefined) return { kind: 'stored', seq: earlier.seq };
    if (!stream.hasRoomFor(flight.data)) return { kind: 'none', reason: 'the stream is full' };
    return { kind: 'stored', seq: stream.append(flight.msgId, flight.data) };
  }

  private reply(flight: InFlight, answer: BrokerAnswer): void {
    const give = (): void => {
      flight.answer(answer);
    };
    if (this.held === 'answers') this.answers.push({ client: flight.client, give });
    else give();
  }
}
