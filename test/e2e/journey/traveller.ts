import { EventEmitter, once } from 'node:events';
import { RetryableError, Snooze, Worker, Yard, type AttemptContext } from '@yardmaster/sdk';
import type { StartedYard } from '../start-yard.js';

/** Whoever makes the journey: a client, and a worker with handlers of their own. */
export interface Traveller {
  readonly yard: Yard;
  readonly started: StartedYard;
  readonly worker: Worker;
  leave(): Promise<void>;
}

/** Lets the handler `steps` end. */
export const goOn = new EventEmitter();

export function traveller(started: StartedYard): Traveller {
  const yard = new Yard({ url: started.url, token: started.token });
  const worker = new Worker({
    url: started.url,
    token: started.token,
    name: 'traveller',
    concurrency: 200,
    handlers: {
      noop: () => null,
      double: ({ n }: { n: number }) => ({ n: n * 2 }),
      refuse: () => {
        throw new Error('not today');
      },
      steps: async (_: unknown, ctx: AttemptContext) => {
        ctx.heartbeat({ progress: ctx.attempt / 4 });
        ctx.checkpoint({ done: ctx.attempt });
        if (ctx.attempt === 1) throw new RetryableError({ retryAfter: '1s' });
        if (ctx.attempt === 2) throw new Snooze('500ms');
        // Ends when its progress was seen.
        await once(goOn, 'go');
        return ctx.lastCheckpoint;
      },
      endless: (_: unknown, { signal }: { signal: AbortSignal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reject(new Error('told to stop'));
          });
        }),
    },
  });
  const ran = worker.run();
  return {
    yard,
    started,
    worker,
    leave: async () => {
      await worker.stop({ withinMs: 1_000 });
      await ran;
      await yard.close();
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- JSON of many shapes, looked at by assertions alone
  readonly body: any;
}

/** One plain HTTP call with a key, as curl makes it. */
export async function http(
  { url, token }: { readonly url: string; readonly token: string | null },
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(url + path, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: jsonOr(text) };
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
