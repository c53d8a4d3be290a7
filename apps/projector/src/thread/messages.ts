import type { BrokerAccess } from '@yardmaster/composition';
import type { MetricName, YardConfig } from '@yardmaster/service-kit';
import type { StoreAccess } from '../stores.js';

/** What the projector's thread is started with. */
export interface ThreadData {
  readonly config: YardConfig;
  readonly broker: BrokerAccess;
  readonly stores: StoreAccess;
  readonly isRebuilding: boolean;
}

/** To the thread: finish the transaction under way, and end. */
export interface Stop {
  readonly kind: 'stop';
}

/** From the thread: a figure for this process's metrics. */
export interface Figure {
  readonly kind: 'figure';
  readonly name: MetricName;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}
