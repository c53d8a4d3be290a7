import { FEATURE_LEVEL } from '@yardmaster/contracts';

/**
 * The feature level that the cluster works at, as far as this process knows: it writes nothing that comes with a later one. It only
 * grows, as the cluster's does, and begins at the first: what is written there everybody reads.
 */
export class ClusterLevel {
  #now = 1;

  /** `own`: the highest that this process works at. */
  constructor(readonly own = FEATURE_LEVEL) {}

  get now(): number {
    return this.#now;
  }

  /** True while this process reads all that is written in the cluster. */
  get isWithin(): boolean {
    return this.#now <= this.own;
  }

  raised(level: number): void {
    this.#now = Math.max(this.#now, level);
  }
}
