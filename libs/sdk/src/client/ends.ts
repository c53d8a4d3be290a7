import type { EventResponse, Status } from '@yardmaster/contracts';
import { sleep } from './backoff.js';
import { followEvents } from './events.js';
import type { HttpChannel } from './http-channel.js';

/** Up to so many waits are long polls, each on a connection of its own; beyond, all share one event stream. */
const MOST_POLLS = 64;
const POLL_MS = 30_000;
/** An end can be told before the stream is there, or while it is broken: each wait also asks on its own, this often. */
const CHECK_MS = 20_000;
const ENDS = ['TaskSucceeded', 'TaskFailed', 'TaskCancelled', 'WorkflowEnded'];

interface Ending {
  readonly id: string;
  readonly status: Status;
}

/** Whether it has ended, for good. */
export function hasEnded(it: { readonly status: Status }): boolean {
  return it.status === 'done' || it.status === 'failed';
}

/**
 * Waits for ends of tasks and workflows. Owns the shared event stream, which is open while more than a few waits are.
 */
export class Ends {
  private polls = 0;
  private readonly waiters = new Map<string, Set<() => void>>();
  private stream: { readonly stop: AbortController; readonly opened: Promise<void> } | null = null;

  constructor(private readonly channel: HttpChannel) {}

  /** Reads `path` until it shows an end or `deadline` (epoch ms) has passed; returns what it read last. */
  async wait<T extends Ending>(path: string, id: string, deadline: number, signal?: AbortSignal): Promise<T> {
    for (;;) {
      const left = Math.max(0, deadline - Date.now());
      const seen =
        this.polls < MOST_POLLS
          ? await this.poll<T>(path, left, signal)
          : await this.listen<T>(path, id, left, signal);
      if (hasEnded(seen) || Date.now() >= deadline) return seen;
    }
  }

  close(): void {
    this.stream?.stop.abort();
    this.stream = null;
    for (const waiter of this.waiters.values()) for (const wake of waiter) wake();
  }

  private async poll<T extends Ending>(
    path: string,
    leftMs: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    this.polls++;
    const holdMs = Math.min(leftMs, POLL_MS);
    const askedAt = Date.now();
    try {
      const seen = await this.channel.send<T>({
        method: 'GET',
        path,
        query: { wait: `${String(Math.ceil(holdMs))}ms` },
        repeatable: true,
        holdMs,
        signal,
      });
      // Nothing ended and the yard did not hold the call: a pause keeps this loop from spinning.
      if (!hasEnded(seen) && holdMs > 500 && Date.now() - askedAt < 250) await sleep(250, signal);
      return seen;
    } finally {
      this.polls--;
    }
  }

  private async listen<T extends Ending>(
    path: string,
    id: string,
    leftMs: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const told = Promise.withResolvers<undefined>();
    const wake = (): void => {
      told.resolve(undefined);
    };
    const waiters = this.waiters.get(id) ?? new Set();
    this.waiters.set(id, waiters.add(wake));
    const stop = new AbortController();
    try {
      await this.opened();
      const read = (): Promise<T> => this.channel.send<T>({ method: 'GET', path, repeatable: true, signal });
      const before = await read();
      if (hasEnded(before)) return before;
      const pause = sleep(
        Math.min(leftMs, CHECK_MS),
        signal ? AbortSignal.any([signal, stop.signal]) : stop.signal,
      );
      await Promise.race([told.promise, pause]);
      return await read();
    } finally {
      stop.abort();
      waiters.delete(wake);
      if (waiters.size === 0) this.waiters.delete(id);
      if (this.waiters.size === 0) this.close();
    }
  }

  /** Resolves when the stream is open, or cannot be: then the checks alone must do. */
  private opened(): Promise<void> {
    if (this.stream) return this.stream.opened;
    const stop = new AbortController();
    const opened = Promise.withResolvers<undefined>();
    this.stream = { stop, opened: opened.promise };
    void followEvents(this.channel, {
      signal: stop.signal,
      types: ENDS,
      onOpen: () => {
        opened.resolve(undefined);
      },
      onBatch: (batch) => {
        for (const event of batch.events)
          for (const id of endedBy(event)) for (const wake of this.waiters.get(id) ?? []) wake();
      },
    })
      .catch(() => undefined)
      .finally(() => {
        opened.resolve(undefined);
        if (this.stream?.stop === stop) this.stream = null;
      });
    return opened.promise;
  }
}

/** Ids that an event of ENDS says have ended: with a task end all that needed it. */
function endedBy({ type, task, workflow, upstreamFailed }: EventResponse): string[] {
  const own = type === 'WorkflowEnded' ? workflow : task;
  return [
    ...(own === undefined ? [] : [own]),
    ...(Array.isArray(upstreamFailed) ? (upstreamFailed as string[]) : []),
  ];
}
