import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

/** A turn of the event loop that took longer than this had others' work in it. */
const BUSY_MS = 4;
const LONGEST_REST_MS = 20;

/** Lets the rest of the process run first: where it is busy, it gets at least as much time again as it just took. */
export async function breathe(): Promise<void> {
  const began = performance.now();
  await turn();
  const took = performance.now() - began;
  if (took > BUSY_MS) await sleep(Math.min(took, LONGEST_REST_MS));
}
