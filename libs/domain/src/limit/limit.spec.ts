import { describe, expect, it } from 'vitest';
import { blockSize } from './block-size.js';
import { Gcra } from './gcra.js';
import { SlidingWindow } from './sliding-window.js';

const HOUR = 3_600_000;

describe('a sliding window', () => {
  it('grants up to its limit and again when the first grants are an hour old', () => {
    const window = new SlidingWindow(3, HOUR);
    expect([window.grant(0, 2), window.grant(10, 1), window.grant(20, 1)]).toEqual([true, true, false]);
    expect(window.retryAfterMs(20, 1)).toBe(HOUR - 20);
    expect(window.retryAfterMs(20, 3)).toBe(HOUR - 10);
    expect(window.available(HOUR - 1)).toBe(0);
    expect(window.available(HOUR)).toBe(2);
    expect(window.grant(HOUR, 2)).toBe(true);
  });

  it('grants all or nothing', () => {
    const window = new SlidingWindow(3, HOUR);
    expect(window.grant(0, 4)).toBe(false);
    expect(window.retryAfterMs(0, 4)).toBe(Infinity);
    expect(window.available(0)).toBe(3);
  });

  it('takes back what was not used', () => {
    const window = new SlidingWindow(3, HOUR);
    window.grant(5, 3);
    expect(window.giveBack(5, 2)).toBe(2);
    expect(window.available(6)).toBe(2);
    expect(window.giveBack(5, 9)).toBe(1);
    expect(window.giveBack(4, 1)).toBe(0);
    expect(window.available(6)).toBe(3);
    expect(window.giveBack(5, 1)).toBe(0);
  });

  it('stands still when time goes back', () => {
    const window = new SlidingWindow(1, HOUR);
    window.grant(1_000, 1);
    expect(window.grant(-HOUR, 1)).toBe(false);
    expect(window.available(1_000 + HOUR)).toBe(1);
    expect(window.grant(0, 1)).toBe(false);
    expect(window.grant(1_000 + HOUR, 1)).toBe(true);
    window.record(0, 1);
    expect(window.available(999 + 2 * HOUR)).toBe(0);
    expect(window.available(1_000 + 2 * HOUR)).toBe(1);
  });

  it('is not changed by being asked', () => {
    const window = new SlidingWindow(2, HOUR);
    window.grant(0, 2);
    const before = window.state();
    window.available(9 * HOUR);
    window.retryAfterMs(9 * HOUR, 2);
    expect(window.grant(9 * HOUR, 3)).toBe(false);
    expect(window.state()).toEqual(before);
  });

  it('takes over grants that were made, also over a limit that was lowered since', () => {
    const window = new SlidingWindow(2, HOUR);
    window.record(0, 5);
    expect(window.available(1)).toBe(0);
    expect(window.retryAfterMs(1, 2)).toBe(HOUR - 1);
    window.setLimit(6);
    expect(window.available(1)).toBe(1);
  });

  it('goes on elsewhere from its state', () => {
    const window = new SlidingWindow(10, HOUR);
    window.grant(0, 4);
    window.grant(50, 3);
    const next = SlidingWindow.from(10, HOUR, JSON.parse(JSON.stringify(window.state())));
    expect([next.available(60), next.available(HOUR), next.available(HOUR + 50)]).toEqual([3, 7, 10]);
  });

  it('keeps a million grants an hour in bounded memory and loses at most a slice of time', () => {
    const window = new SlidingWindow(1_000_000, HOUR);
    let refused = 0;
    for (let i = 0; i < 1_000_000; i++) if (!window.grant(Math.floor(i * 3.6), 1)) refused++;
    expect(refused).toBe(0);
    expect(window.state().grants.length).toBeLessThan(2_100);
    const back = window.available(HOUR + 60_000);
    expect(back).toBeGreaterThan(60_000 / 3.6 - 2_000);
    expect(back).toBeLessThanOrEqual(60_000 / 3.6 + 1);
  });
});

describe('the burst', () => {
  it('lets a burst through, then the rate', () => {
    const gcra = new Gcra(10, 5);
    for (let i = 0; i < 5; i++) expect(gcra.take(0)).toEqual({ ok: true });
    expect(gcra.take(0)).toEqual({ ok: false, retryAfterMs: 100 });
    expect(gcra.take(100)).toEqual({ ok: true });
    expect(gcra.take(100)).toEqual({ ok: false, retryAfterMs: 100 });
  });

  it('lets more than a burst through when nothing is owed, and pays for it afterwards', () => {
    const gcra = new Gcra(10, 5);
    expect(gcra.take(0, 100)).toEqual({ ok: true });
    expect(gcra.take(0, 1)).toEqual({ ok: false, retryAfterMs: 9_600 });
    expect(gcra.take(9_600, 1)).toEqual({ ok: true });
  });

  it('gets back what a refused request took', () => {
    const gcra = new Gcra(10, 5);
    gcra.take(0, 5);
    gcra.giveBack(2);
    expect([gcra.take(0, 2).ok, gcra.take(0).ok]).toEqual([true, false]);
  });
});

describe('a block of tokens', () => {
  it('is one where the limit is small or near', () => {
    expect(blockSize(999, 999)).toBe(1);
    expect(blockSize(100_000, 3)).toBe(1);
    expect(blockSize(100_000, 0)).toBe(0);
  });

  it('is a 200th of a large limit', () => {
    expect(blockSize(100_000, 100_000)).toBe(500);
    expect(blockSize(1_000, 1_000)).toBe(5);
    expect(blockSize(100_000, 400)).toBe(100);
  });
});
