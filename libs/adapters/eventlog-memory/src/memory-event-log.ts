import {
  LogGapError,
  type EventLog,
  type LogDurability,
  type LogFollower,
  type LogWriter,
  type StoredMessage,
  type StreamSpec,
} from '@yardmaster/ports';
import type { MemoryLogWorld } from './memory-log-world.js';
import { MemoryLogWriter } from './memory-log-writer.js';

interface Follower {
  readonly stream: string;
  next: number;
  readonly onMessage: (message: StoredMessage) => void;
  readonly onFailure: (error: Error) => void;
}

/** One process's view of a `MemoryLogWorld`. After a crash it is silent: nothing resolves, nothing calls back. */
export class MemoryEventLog implements EventLog {
  readonly durability: LogDurability = { sync: 'memory', replicas: 1, server: 'memory' };
  private readonly followers = new Set<Follower>();
  private isDead = false;
  private isClosed = false;

  constructor(private readonly world: MemoryLogWorld) {}

  ensure(streams: readonly StreamSpec[]): Promise<void> {
    return this.ask(() => {
      this.world.ensure(streams);
    });
  }

  head(stream: string): Promise<{ readonly first: number; readonly last: number }> {
    return this.ask(() => {
      const { first, last } = this.world.stream(stream);
      return { first, last };
    });
  }

  async *read(stream: string, from: number, to: number): AsyncIterable<StoredMessage> {
    for (let seq = from; seq <= to; seq++) yield await this.ask(() => this.world.stream(stream).expect(seq));
  }

  follow(
    stream: string,
    from: number,
    onMessage: (message: StoredMessage) => void,
    onFailure: (error: Error) => void,
  ): Promise<LogFollower> {
    return this.ask(() => {
      const { first, last } = this.world.stream(stream);
      if (from < first) throw new LogGapError(stream, from, first);
      if (from > last + 1) throw new LogGapError(stream, last + 1, from);
      const follower: Follower = { stream, next: from, onMessage, onFailure };
      this.followers.add(follower);
      this.world.wake();
      return {
        stop: () => {
          this.followers.delete(follower);
        },
      };
    });
  }

  writer(stream: string, last: number): LogWriter {
    return new MemoryLogWriter(stream, last, (message, answer) => {
      if (this.isDead) return;
      if (this.isClosed)
        queueMicrotask(() => {
          answer({ kind: 'none', reason: 'the log is closed' });
        });
      else this.world.publish(this, message, answer);
    });
  }

  appendUnfenced(stream: string, msgId: string, data: Uint8Array): Promise<void> {
    if (this.isClosed) return Promise.reject(new Error('the log is closed'));
    return new Promise((resolve, reject) => {
      if (this.isDead) return;
      this.world.publish(this, { stream, seq: null, after: null, msgId, data }, (answer) => {
        if (answer.kind === 'stored') resolve();
        else
          reject(
            new Error(`append to ${stream} failed: ${answer.kind === 'none' ? answer.reason : 'refused'}`),
          );
      });
    });
  }

  purge(stream: string, upTo: number): Promise<void> {
    return this.ask(() => {
      this.world.trim(stream, Math.min(upTo, this.world.stream(stream).last - 1));
    });
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.followers.clear();
    return Promise.resolve();
  }

  /** @internal */
  die(): void {
    this.isDead = true;
    this.followers.clear();
  }

  /** @internal Hands each follower what it has not seen. */
  feed(): void {
    for (const follower of this.followers) {
      try {
        while (this.followers.has(follower) && follower.next <= this.world.stream(follower.stream).last) {
          const message = this.world.stream(follower.stream).expect(follower.next);
          follower.next = message.seq + 1;
          follower.onMessage(message);
        }
      } catch (error) {
        this.followers.delete(follower);
        follower.onFailure(error as Error);
      }
    }
  }

  private ask<T>(answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      queueMicrotask(() => {
        if (this.isDead) return;
        if (this.isClosed) {
          reject(new Error('the log is closed'));
          return;
        }
        try {
          resolve(answer());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}
