import type { MemoryEventLog } from '@yardmaster/eventlog-memory';
import type {
  AppendOutcome,
  EventLog,
  LogDurability,
  LogFollower,
  LogWriter,
  StoredMessage,
  StreamSpec,
} from '@yardmaster/ports';
import type { SimProcess } from './sim-process.js';
import type { VirtualTime } from './virtual-time.js';

/** A writer gives up on an append after this long. */
const DEADLINE_MS = 10_000;

/** One process's way to the log. Cut, nothing goes through and nothing comes back until it heals. */
export class SimLog implements EventLog {
  readonly durability: LogDurability;
  #isCut = false;
  #waiting: (() => void)[] = [];

  constructor(
    readonly inner: MemoryEventLog,
    private readonly process: SimProcess,
    private readonly time: VirtualTime,
  ) {
    this.durability = inner.durability;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#isCut = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const act of waiting) act();
  }

  /** Now, or when the log can be reached again; in order. */
  whenReachable(act: () => void): void {
    if (this.#isCut) this.#waiting.push(act);
    else act();
  }

  /** Tells the process something, when it can be reached and is not stopped. */
  tell(act: () => void): void {
    this.whenReachable(() => {
      this.process.run(act);
    });
  }

  async ensure(streams: readonly StreamSpec[]): Promise<void> {
    await this.inner.ensure(streams);
  }

  async head(stream: string): Promise<{ readonly first: number; readonly last: number }> {
    await this.#turn();
    return await this.inner.head(stream);
  }

  async *read(stream: string, from: number, to: number): AsyncIterable<StoredMessage> {
    for await (const message of this.inner.read(stream, from, to)) {
      await this.#turn();
      yield message;
    }
  }

  async follow(
    stream: string,
    from: number,
    onMessage: (message: StoredMessage) => void,
    onFailure: (error: Error) => void,
  ): Promise<LogFollower> {
    await this.#turn();
    let isStopped = false;
    const tell = (act: () => void): void => {
      this.tell(() => {
        if (!isStopped) act();
      });
    };
    const follower = await this.inner.follow(
      stream,
      from,
      (message) => {
        tell(() => {
          onMessage(message);
        });
      },
      (error) => {
        tell(() => {
          onFailure(error);
        });
      },
    );
    return {
      stop: () => {
        isStopped = true;
        follower.stop();
      },
    };
  }

  writer(stream: string, last: number): LogWriter {
    return new SimWriter(this, this.inner.writer(stream, last), last, this.time);
  }

  async appendUnfenced(stream: string, msgId: string, data: Uint8Array): Promise<void> {
    await this.#turn();
    await this.inner.appendUnfenced(stream, msgId, data);
  }

  async purge(stream: string, upTo: number): Promise<void> {
    await this.#turn();
    await this.inner.purge(stream, upTo);
  }

  async close(): Promise<void> {
    await this.inner.close();
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.tell(resolve);
    });
  }
}

/** Appends go out when the log can be reached; one that has no answer by its deadline ends the writer. */
class SimWriter implements LogWriter {
  next: number;
  #end: AppendOutcome | null = null;
  #open: ((outcome: AppendOutcome) => void)[] = [];

  constructor(
    private readonly log: SimLog,
    private readonly inner: LogWriter,
    last: number,
    private readonly time: VirtualTime,
  ) {
    this.next = last + 1;
  }

  append(msgId: string, data: Uint8Array): Promise<AppendOutcome> {
    if (this.#end !== null) return Promise.resolve(this.#end);
    this.next++;
    return new Promise((resolve) => {
      let isOpen = true;
      const settle = (outcome: AppendOutcome): void => {
        if (!isOpen) return;
        isOpen = false;
        this.#open = this.#open.filter((one) => one !== settle);
        resolve(outcome);
        if (outcome.kind !== 'stored') this.#fail(outcome);
      };
      this.#open.push(settle);
      this.time.after(DEADLINE_MS, () => {
        settle({ kind: 'unresolved', reason: 'deadline passed' });
      });
      this.log.whenReachable(() => {
        void this.inner.append(msgId, data).then((outcome) => {
          this.log.tell(() => {
            settle(outcome);
          });
        });
      });
    });
  }

  #fail(outcome: AppendOutcome): void {
    this.#end ??= outcome;
    for (const settle of [...this.#open]) settle(this.#end);
  }
}
