import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsumerConfig, StreamConfig, StreamInfo } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { JS, NatsLogError, isTransient, type ApiErrorBody } from './jetstream-errors.js';

const REQUEST_TIMEOUT_MS = 2_000;
const FIRST_WAIT_MS = 25;
const LONGEST_WAIT_MS = 500;

/** A stored message as the leader tells it. */
export interface ReadBack {
  readonly seq: number;
  readonly msgId: string;
  readonly data: Uint8Array;
}

/** The JetStream API over raw requests: each is repeated while the broker is starting, electing or away. */
export class JetStreamApi {
  constructor(
    private readonly nc: NatsConnection,
    private readonly deadlineMs: number,
  ) {}

  async head(stream: string): Promise<{ first: number; last: number }> {
    const { state } = await this.streamInfo(stream);
    // An emptied stream says first = last + 1; a fresh one says 0, 0.
    return { first: Math.max(1, state.first_seq), last: state.last_seq };
  }

  streamInfo(stream: string): Promise<StreamInfo> {
    return this.ask(`STREAM.INFO.${stream}`, {});
  }

  createStream(config: Partial<StreamConfig> & { name: string }): Promise<StreamInfo> {
    return this.ask(`STREAM.CREATE.${config.name}`, config);
  }

  accountInfo(): Promise<{
    readonly limits: { readonly max_storage: number };
    readonly reserved_storage?: number;
  }> {
    return this.ask('INFO', {});
  }

  async createConsumer(stream: string, config: Partial<ConsumerConfig> & { name: string }): Promise<void> {
    await this.ask(`CONSUMER.CREATE.${stream}.${config.name}`, {
      stream_name: stream,
      config,
      action: 'create',
    });
  }

  /** Not waited for: the broker forgets an idle consumer by itself. */
  deleteConsumer(stream: string, name: string): void {
    if (!this.nc.isClosed()) this.nc.publish(`$JS.API.CONSUMER.DELETE.${stream}.${name}`);
  }

  /** Removes every message before `first`. */
  async purge(stream: string, first: number): Promise<void> {
    await this.ask(`STREAM.PURGE.${stream}`, { seq: first });
  }

  /** Read through the leader, never a follower; null when the stream has no such message. */
  async message(stream: string, seq: number, deadlineMs = this.deadlineMs): Promise<ReadBack | null> {
    interface Answer {
      readonly message: { readonly seq: number; readonly hdrs?: string; readonly data?: string };
    }
    try {
      const { message } = await this.ask<Answer>(`STREAM.MSG.GET.${stream}`, { seq }, deadlineMs);
      const headers = Buffer.from(message.hdrs ?? '', 'base64').toString('utf8');
      const msgId = /^Nats-Msg-Id: ?(.*)\r$/m.exec(headers)?.[1] ?? '';
      return { seq: message.seq, msgId, data: Buffer.from(message.data ?? '', 'base64') };
    } catch (error) {
      if (error instanceof NatsLogError && error.errCode === JS.messageNotFound) return null;
      throw error;
    }
  }

  private async ask<T>(subject: string, body: object, deadlineMs = this.deadlineMs): Promise<T> {
    const deadline = performance.now() + deadlineMs;
    const payload = JSON.stringify(body);
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      const { answer, problem } = await this.askOnce<T>(subject, payload);
      if (answer !== null) return answer;
      if (this.nc.isClosed()) throw new NatsLogError('log-closed', 'the log is closed');
      if (performance.now() + wait > deadline) {
        throw new NatsLogError('log-unavailable', `JetStream did not answer ${subject}: ${problem}`);
      }
      await sleep(wait);
    }
  }

  private async askOnce<T>(subject: string, payload: string): Promise<{ answer: T | null; problem: string }> {
    let answer: T & { readonly error?: ApiErrorBody };
    try {
      const message = await this.nc.request(`$JS.API.${subject}`, payload, { timeout: REQUEST_TIMEOUT_MS });
      answer = message.json();
    } catch (error) {
      return { answer: null, problem: (error as Error).message };
    }
    if (answer.error === undefined) return { answer, problem: '' };
    const problem = answer.error.description ?? `error ${String(answer.error.code)}`;
    if (isTransient(answer.error)) return { answer: null, problem };
    throw new NatsLogError(
      'log-refused',
      `JetStream refused ${subject}: ${problem}`,
      answer.error.err_code ?? null,
    );
  }
}
