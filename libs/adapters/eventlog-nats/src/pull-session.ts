import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream';
import {
  createInbox,
  nanos,
  nuid,
  type Msg,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node';
import { deliveryPlace, type DeliveryPlace } from './delivered-message.js';
import type { JetStreamApi } from './jetstream-api.js';

/**
 * One short-lived pull consumer over a stream, from a sequence on. It keeps the broker supplied with pull
 * requests, and ends (once) when the consumer is gone, silent or refuses; it never restarts itself and checks no
 * sequence: that is its owner's work.
 */

const EXPIRES_MS = 30_000;
const HEARTBEAT_MS = 2_000;
const SILENT_HEARTBEATS = 3;
const FORGOTTEN_AFTER_MS = 120_000;

export interface PullLimits {
  readonly messages: number;
  readonly bytes: number;
}

export interface PullHandlers {
  onMessage(place: DeliveryPlace, message: Msg): void;
  onEnd(reason: string): void;
  /** Asked before each pull; false pauses until `topUp`. */
  wantsMore(): boolean;
}

export class PullSession {
  private readonly name = `r${nuid.next()}`;
  private readonly inbox = `${createInbox()}.`;
  private subscription: Subscription | null = null;
  private watchdog: NodeJS.Timeout | null = null;
  private pulls = 0;
  private messagesDue = 0;
  private bytesDue = 0;
  private silence = 0;
  private isOver = false;

  constructor(
    private readonly nc: NatsConnection,
    private readonly api: JetStreamApi,
    private readonly stream: string,
    private readonly limits: PullLimits,
    private readonly handlers: PullHandlers,
  ) {}

  async start(from: number): Promise<void> {
    await this.api.createConsumer(this.stream, {
      name: this.name,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: from,
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(FORGOTTEN_AFTER_MS),
    });
    if (this.isOver) {
      this.api.deleteConsumer(this.stream, this.name);
      return;
    }
    this.subscription = this.nc.subscribe(`${this.inbox}*`, {
      callback: (error, message) => {
        if (error !== null) this.finish(error.message);
        else this.receive(message);
      },
    });
    this.watchdog = setInterval(() => {
      this.listen();
    }, HEARTBEAT_MS);
    this.watchdog.unref();
    this.topUp();
  }

  /** Asks for more when less than half of the allowance is due. */
  topUp(): void {
    const { messages, bytes } = this.limits;
    if (this.isOver || this.subscription === null) return;
    if (this.messagesDue > messages / 2 && this.bytesDue > bytes / 2) return;
    if (!this.handlers.wantsMore()) return;
    this.messagesDue += messages;
    this.bytesDue += bytes;
    const request = {
      batch: messages,
      max_bytes: bytes,
      expires: nanos(EXPIRES_MS),
      idle_heartbeat: nanos(HEARTBEAT_MS),
    };
    const reply = this.inbox + String(this.pulls++);
    try {
      this.nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${this.stream}.${this.name}`, JSON.stringify(request), {
        reply,
      });
    } catch (error) {
      this.finish((error as Error).message);
    }
  }

  stop(): void {
    if (this.isOver) return;
    this.isOver = true;
    if (this.watchdog !== null) clearInterval(this.watchdog);
    if (this.subscription !== null) {
      this.subscription.unsubscribe();
      this.api.deleteConsumer(this.stream, this.name);
    }
  }

  private receive(message: Msg): void {
    if (this.isOver) return;
    this.silence = 0;
    const place = deliveryPlace(message.reply ?? '');
    if (place === null) {
      this.status(message);
      return;
    }
    this.messagesDue--;
    this.bytesDue -= message.data.byteLength;
    this.handlers.onMessage(place, message);
    this.topUp();
  }

  private status(message: Msg): void {
    const code = message.headers?.code ?? 0;
    const text = message.headers?.description ?? '';
    if (code === 100) return;
    const isPullOver = code === 408 || (code === 409 && /max ?bytes|batch completed/i.test(text));
    if (!isPullOver) {
      this.finish(`${String(code)} ${text}`);
      return;
    }
    this.messagesDue = Math.max(
      0,
      this.messagesDue - Number(message.headers?.get('Nats-Pending-Messages') ?? 0),
    );
    this.bytesDue = Math.max(0, this.bytesDue - Number(message.headers?.get('Nats-Pending-Bytes') ?? 0));
    this.topUp();
  }

  private listen(): void {
    if (this.messagesDue <= 0) return;
    this.silence++;
    if (this.silence > SILENT_HEARTBEATS) this.finish('no heartbeat from the broker');
  }

  private finish(reason: string): void {
    if (this.isOver) return;
    this.stop();
    this.handlers.onEnd(reason);
  }
}
