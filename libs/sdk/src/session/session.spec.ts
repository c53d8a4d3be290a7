import { unpack, type Report } from '@yardmaster/contracts';
import { describe, expect, it } from 'vitest';
import { decodeFrame, encodeReports } from './frame-codec.js';
import { LeaseValidity } from './lease-validity.js';
import { RECONNECT_SPREAD_MS, reconnectDelayMs } from './reconnect-delay.js';
import { SettledLeases } from './settled-leases.js';

const report = (task: string, result: unknown = null): Report => [task, 1, 1, 'ok', null, null, result, null];

describe('the validity of leases', () => {
  it('counts from the send time of the last answered heartbeat, not from the answer', () => {
    const validity = new LeaseValidity(22_000);
    validity.sent(1, 0);
    validity.sent(2, 5_000);
    validity.answered(2);
    expect(validity.isOver(26_999)).toBe(false);
    expect(validity.isOver(27_000)).toBe(true);
  });

  it('is not renewed by late answers to older heartbeats, nor by answers nobody asked for', () => {
    const validity = new LeaseValidity(22_000);
    validity.sent(1, 0);
    validity.sent(2, 5_000);
    validity.answered(2);
    validity.answered(1);
    validity.answered(99);
    expect(validity.isOver(27_000)).toBe(true);
  });

  it('lasts as long as a maintenance that the answer tells of, and no answer after it makes it shorter', () => {
    const validity = new LeaseValidity(22_000);
    validity.sent(1, 0);
    validity.answered(1, 600_000);
    validity.sent(2, 5_000);
    validity.answered(2);
    expect(validity.leftMs(100_000)).toBe(500_000);
    expect([validity.isOver(599_999), validity.isOver(600_000)]).toEqual([false, true]);
  });

  it('is longer for a lease of a longer time, in proportion, and not for one of a shorter', () => {
    const validity = new LeaseValidity(22_000);
    validity.sent(1, 0);
    validity.answered(1);
    expect(validity.leftMs(0, 300_000)).toBe(220_000);
    expect([validity.isOver(219_999, 300_000), validity.isOver(220_000, 300_000)]).toEqual([false, true]);
    expect(validity.leftMs(0, 1_000)).toBe(22_000);
    validity.sent(2, 5_000);
    validity.answered(2, 600_000);
    expect(validity.leftMs(5_000, 300_000)).toBe(600_000);
  });

  it('is over before anything was answered', () => {
    expect(new LeaseValidity().isOver(0)).toBe(true);
  });
});

describe('reconnecting', () => {
  it('tries fast a few times, then spreads over the whole window', () => {
    expect([0, 1, 2].map((failures) => reconnectDelayMs(failures, 0.9))).toEqual([20, 100, 300]);
    expect(reconnectDelayMs(3, 0)).toBe(0);
    expect(reconnectDelayMs(50, 0.5)).toBe(RECONNECT_SPREAD_MS / 2);
  });
});

describe('settled leases', () => {
  it('are over, as are earlier ones of their task, and later ones are not', () => {
    const settled = new SettledLeases();
    settled.add([['1', 2, 7, 'ok']]);
    expect([6, 7, 8].map((fence) => settled.has('1', fence))).toEqual([true, true, false]);
    expect(settled.has('2', 7)).toBe(false);
    settled.add([['1', 1, 3, 'gone']]);
    expect(settled.has('1', 7)).toBe(true);
  });

  it('are forgotten when many more have come since', () => {
    const settled = new SettledLeases(2);
    for (const task of ['1', '2', '3', '4', '5']) settled.add([[task, 1, 1, 'ok']]);
    expect(['1', '2', '3', '4', '5'].map((task) => settled.has(task, 1))).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
  });
});

describe('frames', () => {
  it('splits reports so that no frame outgrows a broker message, losing none', () => {
    const frames: Uint8Array[] = [];
    const all = Array.from({ length: 3_000 }, (_, k) => report(String(k), 'x'.repeat(1_000)));
    encodeReports(all, (frame) => frames.push(frame));
    expect(frames.every((frame) => frame.length < 700 * 1024)).toBe(true);
    const tasks = frames.flatMap((frame) =>
      (unpack(frame) as [string, Report[]][]).flatMap(([, reports]) => reports.map((one) => one[0])),
    );
    expect(tasks).toEqual(all.map((one) => one[0]));
  });

  it('takes anything else for no frame', () => {
    for (const bytes of [[], [0xc1], [0x01], [0x91, 0x01], [0x91, 0x91, 0x01]])
      expect(decodeFrame(new Uint8Array(bytes))).toBeNull();
  });
});
