import { LEASE_TTL_MS } from '@yardmaster/contracts';
import { Bay, bayTtlOf, type BayOptions } from './bay.js';
import type { AdoptedRun } from './leftovers.js';

export type SharedBayOptions = Omit<BayOptions, 'run' | 'leftMs' | 'isAdopted'>;

/** The bays of an agent: its own, by the length of leases, and those of earlier agents whose attempts it goes on with. */
export class Bays {
  /** Is always there. */
  readonly first: Bay;
  readonly #own = new Map<number, Bay>();
  readonly #adopted = new Map<Bay, { isCleared: boolean }>();

  constructor(
    private readonly shared: SharedBayOptions,
    /** Directory of this agent's run. */
    private readonly run: string,
    private readonly leftMs: (leaseTtlMs?: number) => number,
  ) {
    this.first = new Bay({ ...shared, run, leftMs });
    this.#own.set(LEASE_TTL_MS, this.first);
  }

  *[Symbol.iterator](): Generator<Bay> {
    yield* this.#own.values();
    yield* this.#adopted.keys();
  }

  /** The one for what runs under such a lease. */
  of(leaseTtlMs: number | undefined): Bay {
    if (leaseTtlMs === undefined) return this.first;
    const ttlMs = bayTtlOf(leaseTtlMs);
    let bay = this.#own.get(ttlMs);
    if (bay === undefined) {
      bay = this.#open(`${this.run}.${String(ttlMs)}`, ttlMs);
      this.#own.set(ttlMs, bay);
    }
    return bay;
  }

  adopt({ run, leaseTtlMs, cleared }: AdoptedRun): Bay {
    const bay = this.#open(run, leaseTtlMs, true);
    const state = { isCleared: false };
    void cleared.then(() => {
      state.isCleared = true;
    });
    this.#adopted.set(bay, state);
    return bay;
  }

  /** The yard has heard of what was adopted: from here on its time is this agent's to hold. */
  take(): void {
    for (const bay of this.#adopted.keys()) bay.take();
  }

  /** Looked at every few seconds; `mayForget` unless files of adopted ones are still needed. */
  rest(mayForget: boolean): void {
    for (const bay of this.#own.values()) bay.rest();
    for (const [bay, { isCleared }] of this.#adopted) {
      if (bay.running > 0 || !isCleared || !mayForget) continue;
      this.#adopted.delete(bay);
      // What cannot be removed now is found again by the next agent.
      void bay.close().catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    for (const bay of this) await bay.close();
  }

  #open(run: string, leaseTtlMs: number | undefined, isAdopted = false): Bay {
    const { shell } = this.first.pool;
    return new Bay({ ...this.shared, shell, run, leftMs: () => this.leftMs(leaseTtlMs), isAdopted });
  }
}
