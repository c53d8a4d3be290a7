import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

/** A turn of the event loop that computed for longer than this had others' work in it. */
const BUSY_MS = 8;
const LONGEST_REST_MS = 20;

/**
 * Lets the rest of the process run first: where it is busy, it gets at least as much time again as it just took. Only this
 * thread's own computing counts, so that a busy machine alone makes nobody rest.
 */
export async function breathe(): Promise<void> {
  const before = process.threadCpuUsage();
  await turn();
  const { user, system } = process.threadCpuUsage(before);
  const tookMs = (user + system) / 1_000;
  if (tookMs > BUSY_MS) await sleep(Math.min(tookMs, LONGEST_REST_MS));
}
