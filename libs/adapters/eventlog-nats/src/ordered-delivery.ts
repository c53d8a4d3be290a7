import { setTimeout as sleep } from 'node:timers/promises';
import { LogGapError, type StoredMessage } from '@yardmaster/ports';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { storedMessage, type DeliveryPlace } from './delivered-message.js';
import type { JetStreamApi } from './jetstream-api.js';
import { JS, NatsLogError } from './jetstream-errors.js';
import { PullSession, type PullLimits } from './pull-session.js';

/**
 * Messages of a stream from a sequence on, in order and without gaps, over as many pull sessions as it takes.
 *
 * Invariants:
 * 1. `next` is the only message that may be delivered; it grows by one per delivery.
 * 2. A hole between deliveries of one consumer is a hole in the stream: it ends here, with LogGapError. A hole in
 *    the consumer's own count is a lost delivery: a new session goes on from `next`.
 * 3. A stream that ends before `next - 1` lost what was delivered: LogGapError too.
 */

const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 1_000;
/** A new leader may be behind for a moment; longer than this it is a loss. */
const CATCH_UP_MS = 10_000;

export interface OrderedHandlers {
  onMessage(message: StoredMessage): void;
  onFailure(error: Error): void;
  wantsMore(): boolean;
}

export class OrderedDelivery {
  private session: PullSession | null = null;
  private deliveries = 0;
  private wait = FIRST_WAIT_MS;
  private isOver = false;

  constructor(
    private readonly nc: NatsConnection,
    private readonly api: JetStreamApi,
    private readonly stream: string,
    private next: number,
    private readonly limits: PullLimits,
    private readonly handlers: OrderedHandlers,
  ) {}

  async start(): Promise<void> {
    const session = new PullSession(this.nc, this.api, this.stream, this.limits, {
      onMessage: (place, message) => {
        this.receive(session, place, message);
      },
      onEnd: () => {
        if (this.session === session) this.restart();
      },
      wantsMore: () => this.handlers.wantsMore(),
    });
    this.session = session;
    this.deliveries = 0;
    await session.start(this.next);
  }

  topUp(): void {
    this.session?.topUp();
  }

  stop(): void {
    this.isOver = true;
    this.dropSession();
  }

  /** Ends as a failure of the stream would. */
  abort(error: Error): void {
    this.fail(error);
  }

  /** The connection is back: whatever the broker still sends for the old session is not worth waiting for. */
  reconnected(): void {
    if (this.session !== null) this.restart();
  }

  private receive(session: PullSession, place: DeliveryPlace, message: Msg): void {
    if (this.session !== session) return;
    this.deliveries++;
    if (place.deliverySeq !== this.deliveries) {
      this.restart();
    } else if (place.streamSeq !== this.next) {
      this.fail(new LogGapError(this.stream, this.next, place.streamSeq));
    } else {
      this.wait = FIRST_WAIT_MS;
      const stored = storedMessage(this.stream, this.next, message);
      this.next++;
      try {
        this.handlers.onMessage(stored);
      } catch (error) {
        this.fail(error as Error);
      }
    }
  }

  private restart(): void {
    this.dropSession();
    void this.goOn().catch((error: unknown) => {
      this.fail(error as Error);
    });
  }

  private async goOn(): Promise<void> {
    const behindUntil = performance.now() + CATCH_UP_MS;
    while (!this.isOver) {
      await sleep(this.wait, undefined, { ref: false });
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
      if (this.isOver || this.session !== null) return;
      try {
        const { last } = await this.api.head(this.stream);
        if (this.isOver || this.session !== null) return;
        if (this.next <= last + 1) {
          await this.start();
          return;
        }
        if (performance.now() > behindUntil) throw new LogGapError(this.stream, this.next, last);
      } catch (error) {
        if (isFinal(error)) throw error;
        this.dropSession();
      }
    }
  }

  private dropSession(): void {
    this.session?.stop();
    this.session = null;
  }

  private fail(error: Error): void {
    if (this.isOver) return;
    this.stop();
    this.handlers.onFailure(error);
  }
}

function isFinal(error: unknown): boolean {
  if (error instanceof LogGapError) return true;
  return (
    error instanceof NatsLogError && (error.code === 'log-closed' || error.errCode === JS.streamNotFound)
  );
}
