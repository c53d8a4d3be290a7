import type { EventResponse } from '@yardmaster/contracts';
import { backoffMs, sleep } from './backoff.js';
import { EventCutter, type EventBatch } from './event-batch.js';
import { YardApiError, apiError } from './errors.js';
import type { Call, HttpChannel } from './http-channel.js';

export interface EventsOptions {
  /** A position, as answers and events carry it, or `start`. Default: from now on. */
  from?: string;
  /** Only these types, such as `['TaskSucceeded', 'TaskFailed']`. Default: all. */
  types?: readonly string[];
  /** Only events of this workflow. */
  workflow?: string;
  /** Only events of this task. */
  task?: string;
  /** Ends the stream. */
  signal?: AbortSignal;
}

export interface BatchOptions extends EventsOptions {
  /** Called with the events of each chunk; a promise holds back the next one, and with it the yard. */
  onBatch: (batch: EventBatch) => void | Promise<void>;
  /** Called when the yard listens: what happens from now on is not missed. */
  onOpen?: () => void;
  /** Called when the connection broke, before it is made anew. */
  onBreak?: (error: YardApiError) => void;
}

/** The yard writes a comment every 15 s: a connection that is silent for longer than this is dead. */
const SILENCE_MS = 60_000;

/**
 * Follows the events until the signal ends it, over broken connections: it goes on after the last position it saw.
 * Rejects when the yard refuses (a wrong key, a position too old: code `resync`) or stays away longer than calls
 * are repeated.
 */
export async function followEvents(channel: HttpChannel, options: BatchOptions): Promise<void> {
  const { signal, onBatch } = options;
  let position = options.from;
  let brokenSince: number | null = null;
  for (let attempt = 0; !isOver(signal); attempt++) {
    try {
      const body = await channel.stream(
        eventsCall(options, position),
        SILENCE_MS,
        position === undefined || position === 'start' ? {} : { 'last-event-id': position },
      );
      options.onOpen?.();
      const cutter = new EventCutter();
      brokenSince = null;
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        const batch = cutter.push(chunk);
        if (cutter.position !== '') position = cutter.position;
        if (batch === null) continue;
        attempt = 0;
        const held = onBatch(batch);
        if (held !== undefined) await held;
        if (batch.failure !== null) throw apiError(500, batch.failure);
      }
      await sleep(backoffMs(attempt, channel.retry), signal);
    } catch (error) {
      if (isOver(signal)) return;
      const failure = error instanceof YardApiError ? error : brokenStream(error);
      if (failure === null) throw error;
      brokenSince ??= Date.now();
      if (!failure.retryable || Date.now() - brokenSince > channel.retry.forMs) throw failure;
      options.onBreak?.(failure);
      await sleep(backoffMs(attempt, channel.retry), signal).catch(() => undefined);
    }
  }
}

/** The same, one event at a time. Breaking out of the loop closes the connection. */
export async function* iterateEvents(
  channel: HttpChannel,
  options: EventsOptions = {},
): AsyncGenerator<EventResponse, void, undefined> {
  const stop = new AbortController();
  const ready: EventBatch[] = [];
  let wake = (): void => undefined;
  let resume = (): void => undefined;
  let end: { readonly error: unknown } | null = null;
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  followEvents(channel, {
    ...options,
    signal,
    onBatch: (batch) =>
      new Promise<void>((resolve) => {
        ready.push(batch);
        resume = resolve;
        wake();
      }),
  })
    .then(
      () => (end = { error: null }),
      (error: unknown) => (end = { error }),
    )
    .finally(() => wake());
  try {
    for (;;) {
      const batch = ready.shift();
      if (batch !== undefined) {
        yield* batch.events;
        resume();
      } else if (end !== null) {
        const { error } = end as { error: Error | null };
        if (error !== null) throw error;
        return;
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  } finally {
    stop.abort();
    resume();
  }
}

function eventsCall(options: EventsOptions, from: string | undefined): Call {
  return {
    method: 'GET',
    path: '/v1/events',
    repeatable: true,
    signal: options.signal,
    query: {
      from: from === 'start' ? from : undefined,
      types: options.types?.join(','),
      workflow: options.workflow,
      task: options.task,
    },
  };
}

function brokenStream(error: unknown): YardApiError | null {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string'
    ? new YardApiError('unavailable', `the event stream broke (${code})`, { cause: error })
    : null;
}

function isOver(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
