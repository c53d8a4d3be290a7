import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Gcra } from './gcra.js';
import { SlidingWindow } from './sliding-window.js';

/** The most that any span of `windowMs` holds; a fullest one starts at a grant. */
function fullest(given: readonly { at: number; n: number }[], windowMs: number): number {
  const grants = [...given].sort((a, b) => a.at - b.at);
  let most = 0;
  let sum = 0;
  for (let start = 0, end = 0; start < grants.length; start++) {
    while (end < grants.length && grants[end]!.at < grants[start]!.at + windowMs) sum += grants[end++]!.n;
    most = Math.max(most, sum);
    sum -= grants[start]!.n;
  }
  return most;
}

const step = fc.record({
  wait: fc.nat(40),
  n: fc.integer({ min: 1, max: 4 }),
  back: fc.option(fc.nat(4), { freq: 4 }),
});

describe('a sliding window', () => {
  it('never grants more than its limit in any window, wherever it starts', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 300 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 400 }),
        (steps, limit, windowMs) => {
          const window = new SlidingWindow(limit, windowMs);
          const grants: { at: number; n: number }[] = [];
          let now = 0;
          for (const { wait, n, back } of steps) {
            now += wait;
            if (window.grant(now, n)) grants.push({ at: now, n });
            const last = grants.at(-1);
            if (back !== null && last !== undefined && window.giveBack(last.at, Math.min(back, last.n)) > 0)
              last.n -= Math.min(back, last.n);
          }
          expect(fullest(grants, windowMs)).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });

  it('never grants more than its limit when it keeps grants together', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_100, max: 4_000 }),
        fc.integer({ min: 3_000, max: 20_000 }),
        fc.infiniteStream(fc.nat(6)),
        (limit, windowMs, waits) => {
          const window = new SlidingWindow(limit, windowMs);
          const grants: { at: number; n: number }[] = [];
          for (let i = 0, now = 0; i < 8_000; i++) {
            now += waits.next().value as number;
            if (window.grant(now, 1)) grants.push({ at: now, n: 1 });
          }
          expect(fullest(grants, windowMs)).toBeLessThanOrEqual(limit);
          expect(window.state().grants.length).toBeLessThan(2_100);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('grants what is free at once, and after the wait that it tells, not before', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (steps, limit) => {
        const window = new SlidingWindow(limit, 200);
        let now = 0;
        for (const { wait, n } of steps) {
          now += wait;
          const after = window.retryAfterMs(now, n);
          expect(after === 0).toBe(n <= window.available(now));
          if (after > 0 && Number.isFinite(after)) {
            expect(SlidingWindow.from(limit, 200, window.state()).grant(now + after - 1, n)).toBe(false);
            expect(SlidingWindow.from(limit, 200, window.state()).grant(now + after, n)).toBe(true);
          }
          window.grant(now, n);
        }
      }),
    );
  });

  it('goes on from its state as if it had never stopped', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, cut) => {
        let moved = new SlidingWindow(9, 150);
        const stayed = new SlidingWindow(9, 150);
        let now = 0;
        steps.forEach(({ wait, n }, i) => {
          now += wait;
          if (i === cut) moved = SlidingWindow.from(9, 150, moved.state());
          expect(moved.grant(now, n)).toBe(stayed.grant(now, n));
        });
      }),
    );
  });
});

describe('a sliding window under a clock that jumps', () => {
  it('still never grants more than its limit, by the times it kept', () => {
    const jump = fc.record({
      wait: fc.integer({ min: -300, max: 300 }),
      n: fc.integer({ min: 1, max: 4 }),
      ask: fc.nat(900),
    });
    fc.assert(
      fc.property(fc.array(jump, { maxLength: 200 }), fc.integer({ min: 1, max: 12 }), (steps, limit) => {
        const window = new SlidingWindow(limit, 200);
        const grants: { at: number; n: number }[] = [];
        let now = 0;
        for (const { wait, n, ask } of steps) {
          now += wait;
          window.available(now + ask);
          if (window.grant(now, n)) grants.push({ at: window.state().latest, n });
        }
        expect(fullest(grants, 200)).toBeLessThanOrEqual(limit);
      }),
    );
  });
});

describe('the burst', () => {
  it('stays within burst + rate, and the wait that it tells is enough', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(300), { maxLength: 200 }),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 20 }),
        (waits, rate, burst) => {
          const gcra = new Gcra(rate, burst);
          const taken: number[] = [];
          let now = 0;
          for (const wait of waits) {
            now += wait;
            const take = gcra.take(now);
            if (!take.ok) {
              now += take.retryAfterMs;
              expect(gcra.take(now).ok).toBe(true);
            }
            taken.push(now);
          }
          taken.forEach((from, i) => {
            for (let j = i; j < taken.length; j++)
              expect(j - i + 1).toBeLessThanOrEqual(burst + ((taken[j]! - from) / 1_000) * rate + 1e-6);
          });
        },
      ),
    );
  });
});
