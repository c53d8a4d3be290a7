import { uptime } from 'node:os';

/** Clocks of this machine, ms. `boot` goes on while the machine is suspended; null where there is none to be had. */
export interface MachineClocks {
  readonly monotonic: () => number;
  readonly wall: () => number;
  readonly boot: (() => number) | null;
}

const HERE: MachineClocks = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  // Elsewhere the time since boot is made of the wall clock, or stands still with the machine.
  boot: process.platform === 'linux' ? () => uptime() * 1_000 : null,
};

/** The wall and the monotonic clock drift apart by less than this unless somebody sets one or the machine slept. */
const APART_MS = 100;
/** Without a clock since boot, a wall clock that is ahead by more than this says that the machine slept. */
const SLEPT_MS = 5_000;

/**
 * Monotonic time that counts what the machine slept: a lease runs out while its worker is suspended, and the monotonic clock
 * stands still then. Never goes back; at most `SLEPT_MS` behind the truth where the system has no clock since boot.
 */
export class BootClock {
  #slept = 0;
  #apart: number;
  #boot: number;

  constructor(private readonly clocks: MachineClocks = HERE) {
    const monotonic = clocks.monotonic();
    this.#apart = clocks.wall() - monotonic;
    this.#boot = (clocks.boot?.() ?? 0) - monotonic;
  }

  /** Cheap: the clock since boot is a file of the kernel's, and only looked at when the wall clock says that there is a reason. */
  now(): number {
    const monotonic = this.clocks.monotonic();
    if (Math.abs(this.clocks.wall() - monotonic - this.#apart) > APART_MS) this.look();
    return monotonic + this.#slept;
  }

  /** Looks at the clock since boot whatever the wall clock says: somebody may have set it back by as much as the machine slept. */
  look(): void {
    const monotonic = this.clocks.monotonic();
    const apart = this.clocks.wall() - monotonic;
    if (this.clocks.boot !== null) {
      const ahead = this.clocks.boot() - monotonic - this.#boot;
      // It is told in hundredths of a second.
      if (ahead > this.#slept + APART_MS) this.#slept = ahead;
    } else if (apart - this.#apart > SLEPT_MS) this.#slept += apart - this.#apart;
    this.#apart = apart;
  }
}
