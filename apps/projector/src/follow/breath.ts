import { setImmediate as turn } from 'node:timers/promises';

/** Lets what came from the broker and the stores in between be taken. */
export async function breathe(): Promise<void> {
  await turn();
}
