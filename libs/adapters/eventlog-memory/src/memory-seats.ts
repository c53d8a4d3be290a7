import { SEAT_TTL_MS, type Seat, type SeatHolder } from '@yardmaster/ports';

/** One seat for the processes of a test. */
export class MemorySeats {
  #taken: { readonly by: SeatHolder; readonly until: number } | null = null;

  constructor(private readonly monotonic: () => number) {}

  open(holder: SeatHolder): Seat {
    const sits = (): boolean =>
      this.#taken !== null &&
      this.#taken.until > this.monotonic() &&
      this.#taken.by.node === holder.node &&
      this.#taken.by.incarnation === holder.incarnation;
    const sit = (): void => {
      this.#taken = { by: holder, until: this.monotonic() + SEAT_TTL_MS };
    };
    return {
      claim: () => {
        const isFree =
          this.#taken === null ||
          this.#taken.until <= this.monotonic() ||
          this.#taken.by.node === holder.node;
        if (isFree) sit();
        return Promise.resolve(isFree);
      },
      renew: () => {
        const still = sits();
        if (still) sit();
        return Promise.resolve(still);
      },
      leave: () => {
        if (sits()) this.#taken = null;
        return Promise.resolve();
      },
    };
  }
}
