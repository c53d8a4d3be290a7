import { setTimeout as sleep } from 'node:timers/promises';

/** Looks again and again until it holds. */
export async function until(holds: () => Promise<boolean> | boolean, patienceMs = 20_000): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it did not come true in time');
    await sleep(10);
  }
}
