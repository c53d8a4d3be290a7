import { uptime } from 'node:os';
import { describe, expect, it } from 'vitest';
import { BootClock } from './boot-clock.js';

function machine(hasBoot: boolean) {
  const at = { monotonic: 50, wall: 1_000_000, boot: 7_000 };
  const clock = new BootClock({
    monotonic: () => at.monotonic,
    wall: () => at.wall,
    boot: hasBoot ? () => at.boot : null,
  });
  const pass = (ms: number): void => {
    at.monotonic += ms;
    at.wall += ms;
    at.boot += ms;
  };
  const sleep = (ms: number): void => {
    at.wall += ms;
    at.boot += ms;
  };
  return { at, clock, pass, sleep, start: clock.now() };
}

describe.each([true, false])('the clock of leases, on a machine with a clock since boot: %s', (hasBoot) => {
  it('counts what passes and what the machine slept', () => {
    const { clock, pass, sleep, start } = machine(hasBoot);
    pass(4_000);
    expect(clock.now() - start).toBe(4_000);
    sleep(60_000);
    expect(clock.now() - start).toBe(64_000);
    pass(1_000);
    expect(clock.now() - start).toBe(65_000);
  });

  it('never goes back when the wall clock is set back', () => {
    const { at, clock, pass, start } = machine(hasBoot);
    pass(1_000);
    at.wall -= 3_600_000;
    expect(clock.now() - start).toBe(1_000);
    pass(500);
    expect(clock.now() - start).toBe(1_500);
  });
});

describe('the clock of leases', () => {
  it('takes no step of the wall clock for sleep where there is a clock since boot', () => {
    const { at, clock, pass, start } = machine(true);
    at.wall += 3_600_000;
    pass(1_000);
    expect(clock.now() - start).toBe(1_000);
  });

  it('finds a sleep that a wall clock set back has hidden, at the next look', () => {
    const { at, clock, sleep, start } = machine(true);
    sleep(40_000);
    at.wall -= 40_000;
    expect(clock.now() - start).toBe(0);
    clock.look();
    expect(clock.now() - start).toBe(40_000);
  });

  it('keeps step with the clock since boot of this machine', async () => {
    const clock = new BootClock();
    const [began, up] = [clock.now(), uptime()];
    await expect.poll(() => uptime() - up).toBeGreaterThan(0.2);
    clock.look();
    expect(Math.abs(clock.now() - began - (uptime() - up) * 1_000)).toBeLessThan(100);
  });
});
