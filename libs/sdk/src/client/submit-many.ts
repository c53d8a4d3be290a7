import type { SubmitTasksResponse, TaskRequest } from '@yardmaster/contracts';
import { problemError, type YardApiError } from './errors.js';
import type { HttpChannel } from './http-channel.js';
import type { TaskHandle } from './task-handle.js';

/** Most tasks of one call, and most bytes of its body (the yard takes 16 MiB). */
export const SLICE_TASKS = 10_000;
const SLICE_BYTES = 15 * 1024 * 1024;

/** What became of one task of a bulk submission, in the order given. */
export type BulkItem =
  { readonly ok: true; readonly task: TaskHandle } | { readonly ok: false; readonly error: YardApiError };

export interface BulkOptions {
  /**
   * Makes repeats of the whole call safe: slice n is submitted under `<key>/<n>`. Default: none, because a key ties
   * each slice to one partition of the yard; the client then repeats only what was surely not stored.
   */
  idempotencyKey?: string;
  /** Slices in flight at a time. Default 4. */
  concurrency?: number;
  /** Tasks of a slice, at most 10,000. */
  sliceSize?: number;
  signal?: AbortSignal;
}

type HandleOf = (id: string, position: string) => TaskHandle;

export async function submitMany(
  channel: HttpChannel,
  tasks: readonly TaskRequest[],
  options: BulkOptions,
  handleOf: HandleOf,
): Promise<BulkItem[]> {
  const items = new Array<BulkItem>(tasks.length);
  const slices = sliced(tasks, Math.min(options.sliceSize ?? SLICE_TASKS, SLICE_TASKS));
  let n = 0;
  let isOver = false;
  const lane = async (): Promise<void> => {
    for (let slice = slices.next(); slice.done !== true && !isOver; slice = slices.next()) {
      const { start, body } = slice.value;
      const key =
        options.idempotencyKey === undefined ? undefined : `${options.idempotencyKey}/${String(n++)}`;
      const answer = await channel.send<SubmitTasksResponse>({
        method: 'POST',
        path: '/v1/tasks',
        body: { bytes: body, type: 'application/json' },
        idempotencyKey: key,
        repeatable: key !== undefined,
        signal: options.signal,
      });
      answer.items.forEach((item, i) => {
        items[start + i] =
          'id' in item
            ? { ok: true, task: handleOf(item.id, answer.position) }
            : { ok: false, error: problemError(item.error) };
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.max(1, options.concurrency ?? 4) }, lane));
  } finally {
    isOver = true;
  }
  return items;
}

/** Bodies by count and by size, made only when a lane takes the next. A single task is always let through: the yard says what is too large. */
function* sliced(
  tasks: readonly TaskRequest[],
  most: number,
): Generator<{ start: number; body: string }, undefined, undefined> {
  let start = 0;
  let parts: string[] = [];
  let size = 0;
  for (let i = 0; i < tasks.length; i++) {
    const text = JSON.stringify(tasks[i]);
    const bytes = Buffer.byteLength(text);
    if (parts.length > 0 && (parts.length >= most || size + bytes > SLICE_BYTES)) {
      yield { start, body: `{"tasks":[${parts.join(',')}]}` };
      start = i;
      parts = [];
      size = 0;
    }
    parts.push(text);
    size += bytes + 1;
  }
  if (parts.length > 0) yield { start, body: `{"tasks":[${parts.join(',')}]}` };
  return undefined;
}
