import type { EventResponse, Page } from '@yardmaster/contracts';
import { DEFAULT_RETRY } from './backoff.js';
import { resolveConnection, type ConnectionOptions } from './connection.js';
import { durationMs, type Duration } from './duration.js';
import { Ends } from './ends.js';
import { followEvents, iterateEvents, type BatchOptions, type EventsOptions } from './events.js';
import { HttpChannel, type Call } from './http-channel.js';
import {
  Queues,
  Scripts,
  Workers,
  type AlertResponse,
  type DeadLetterResponse,
  type CapacityResponse,
  type ClusterResponse,
} from './platform.js';
import { Tasks } from './tasks.js';
import { Workflows } from './workflows.js';

export interface YardOptions extends ConnectionOptions {
  /** How long failures that may pass are met with repeats. Default `'30s'`; `0` = never repeat. */
  retryFor?: Duration;
  /** Most connections for calls; waits and streams have their own. Default 64. */
  connections?: number;
}

/**
 * A client of one yard. Keeps its connections open until `close()`.
 *
 *     const yard = new Yard();
 *     const task = await yard.tasks.submit({ run: { command: ['echo', 'hello'] } });
 *     await task.result({ timeout: '1m' });
 *     await yard.close();
 */
export class Yard implements AsyncDisposable {
  /** Where it is, such as `http://127.0.0.1:7070`. */
  readonly url: string;
  readonly tasks: Tasks;
  readonly workflows: Workflows;
  readonly workers: Workers;
  readonly queues: Queues;
  readonly scripts: Scripts;
  private readonly channel: HttpChannel;
  private readonly ends: Ends;

  /** Throws YardApiError (`unavailable`) when neither options nor environment nor a context file name a yard. */
  constructor(options: YardOptions = {}) {
    const retry =
      options.retryFor === undefined
        ? DEFAULT_RETRY
        : { ...DEFAULT_RETRY, forMs: durationMs(options.retryFor) };
    this.channel = new HttpChannel(resolveConnection(options), retry, options.connections ?? 64);
    this.ends = new Ends(this.channel);
    this.url = this.channel.url;
    this.tasks = new Tasks(this.channel, this.ends);
    this.workflows = new Workflows(this.channel, this.ends);
    this.workers = new Workers(this.channel);
    this.queues = new Queues(this.channel);
    this.scripts = new Scripts(this.channel);
  }

  /** The tenant's events, one at a time, over broken connections, until the signal or a `break` ends it. */
  events(options: EventsOptions = {}): AsyncGenerator<EventResponse, void, undefined> {
    return iterateEvents(this.channel, options);
  }

  /**
   * The same by callback, a batch at a time and parsed only as far as asked: for a hundred thousand events a second.
   * The promise is fulfilled when the signal has ended the stream.
   */
  onEvents(options: BatchOptions): Promise<void> {
    return followEvents(this.channel, options);
  }

  capacity(): Promise<CapacityResponse> {
    return this.channel.send({ method: 'GET', path: '/v1/capacity', repeatable: true });
  }

  /** Messages that no service could read, newest first; for operators. */
  deadLetters({ limit = 50 }: { readonly limit?: number } = {}): Promise<Page<DeadLetterResponse>> {
    return this.channel.send({
      method: 'GET',
      path: `/v1/dead-letters?limit=${String(limit)}`,
      repeatable: true,
    });
  }

  alerts(): Promise<Page<AlertResponse>> {
    return this.channel.send({ method: 'GET', path: '/v1/alerts', repeatable: true });
  }

  cluster(): Promise<ClusterResponse> {
    return this.channel.send({ method: 'GET', path: '/v1/cluster', repeatable: true });
  }

  /** Any call of the HTTP interface, with this client's key, connections, repeats and errors. */
  call<T>(call: Call): Promise<T> {
    return this.channel.send<T>(call);
  }

  /** Closes all connections; open waits and streams end with an error. */
  async close(): Promise<void> {
    this.ends.close();
    await this.channel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
