import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Burst } from './burst.js';

vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
}));
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const stop = new AbortController().signal;

/** A log to which so many events come every 25 ms. */
function logWith(perLook: () => number): { arrived: number } {
  const log = { arrived: 0 };
  setInterval(() => {
    log.arrived += perLook();
  }, 24);
  return log;
}

/** How long one wait takes, ms. */
async function waited(burst: Burst): Promise<number> {
  const began = performance.now();
  let took: number | null = null;
  void burst.over(stop).then(() => {
    took = performance.now() - began;
  });
  for (let i = 0; i < 1_000 && took === null; i++) await vi.advanceTimersByTimeAsync(5);
  return took ?? Infinity;
}

describe('a burst', () => {
  it('is no reason to wait while little comes', async () => {
    const burst = new Burst(
      logWith(() => 10),
      { longestMs: 1_500 },
    );
    expect(await waited(burst)).toBeLessThan(50);
  });

  it('is waited for until it was calm for a while', async () => {
    let left = 20;
    const burst = new Burst(
      logWith(() => (left-- > 0 ? 1_000 : 0)),
      { longestMs: 1_500 },
    );
    const took = await waited(burst);
    expect(took).toBeGreaterThan(500);
    expect(took).toBeLessThan(800);
  });

  it('that does not end is waited for once, and once more after it has ended', async () => {
    let each = 1_000;
    const burst = new Burst(
      logWith(() => each),
      { longestMs: 1_500 },
    );
    expect(await waited(burst)).toBeGreaterThanOrEqual(1_500);
    for (let i = 0; i < 20; i++) {
      expect(await waited(burst)).toBe(0);
      await vi.advanceTimersByTimeAsync(100);
    }
    each = 0;
    await vi.advanceTimersByTimeAsync(5_000);
    await waited(burst);
    each = 1_000;
    expect(await waited(burst)).toBeGreaterThanOrEqual(1_500);
  });

  it('may not leave more waiting than it is allowed', async () => {
    const burst = new Burst(
      logWith(() => 1_000),
      { longestMs: 60_000, mostWaiting: 10_000 },
    );
    expect(await waited(burst)).toBeLessThan(400);
  });
});
