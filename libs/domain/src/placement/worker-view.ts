import type { ResourceVector, SchedulingSpec } from '../events/index.js';

/** A worker as placement sees it. */
export interface WorkerView {
  readonly id: string;
  /** Its place in the list that `place` is given. */
  readonly index: number;
  readonly capacity: ResourceVector;
  /** Capacity less what its leases hold. */
  readonly free: Record<string, number>;
  readonly labels: Readonly<Record<string, string>>;
  readonly handlers: ReadonlySet<string>;
  readonly kind: 'agent' | 'sdk';
  /** The only tenant it serves, or null for all. */
  readonly tenant: number | null;
  readonly cordoned: boolean;
  readonly healthy: boolean;
  /** Its connection is gone: nothing reaches it until it is heard again. */
  readonly isAway?: boolean;
  /** Measured load from its heartbeats, 0-1. */
  readonly load: number;
  readonly leases: number;
}

export interface TaskToPlace {
  readonly spec: SchedulingSpec;
  readonly tenant: number;
  /** Ids of workers that it failed on: used only when no other fits. */
  readonly avoid?: ReadonlySet<string>;
}
