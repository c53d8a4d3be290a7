import type { Lease } from './cell-state.js';

/** The live leases of one worker, in no order that means anything: each knows its place, so that none is looked for. */
export class HeldLeases {
  readonly #leases: Lease[] = [];

  get size(): number {
    return this.#leases.length;
  }

  get all(): readonly Lease[] {
    return this.#leases;
  }

  has(lease: Lease): boolean {
    return this.#leases[lease.place] === lease;
  }

  /** `lease` is held by no worker. */
  add(lease: Lease): void {
    lease.place = this.#leases.push(lease) - 1;
  }

  /** False when it was not here. */
  delete(lease: Lease): boolean {
    if (!this.has(lease)) return false;
    const last = this.#leases.pop();
    if (last !== undefined && last !== lease) {
      last.place = lease.place;
      this.#leases[lease.place] = last;
    }
    return true;
  }
}
