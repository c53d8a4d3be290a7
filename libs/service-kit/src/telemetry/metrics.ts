import {
  AggregatorRegistry,
  collectDefaultMetrics,
  Counter,
  Gauge,
  Registry,
  type MetricObject,
} from 'prom-client';
import { BucketHistogram } from './bucket-histogram.js';

/** Every metric of the yard. Base units, no ids in labels; docs/reference/metrics.md is held to this table by a test. */
export const METRICS_TABLE = {
  yard_tasks_total: { kind: 'counter', help: 'Tasks that ended, by outcome.', labels: ['outcome'] },
  yard_tasks_submitted_total: { kind: 'counter', help: 'Tasks admitted.', labels: [] },
  yard_queue_depth: { kind: 'gauge', help: 'Tasks in a queue that are visible.', labels: ['queue'] },
  yard_waiting: { kind: 'gauge', help: 'Tasks that wait, by where they wait.', labels: ['reason'] },
  yard_queue_wait_seconds: {
    kind: 'histogram',
    help: 'Time from eligible to the first grant.',
    labels: [],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3600],
  },
  yard_task_run_seconds: {
    kind: 'histogram',
    help: 'Time from the grant of a lease to its end.',
    labels: [],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3600],
  },
  yard_leases_lost_total: {
    kind: 'counter',
    help: 'Leases that ended because their worker was lost.',
    labels: [],
  },
  yard_stale_reports_total: {
    kind: 'counter',
    help: 'Reports refused because the lease was not held any more.',
    labels: [],
  },
  yard_adopted_reports_total: {
    kind: 'counter',
    help: 'Reports taken although the lease had run out, for nobody else had its task yet.',
    labels: [],
  },
  yard_bad_messages_total: {
    kind: 'counter',
    help: 'Messages refused because they could not be read.',
    labels: ['where'],
  },
  yard_log_commit_seconds: {
    kind: 'histogram',
    help: 'Time from a proposal to its acknowledgement.',
    labels: [],
    buckets: [
      ...Array.from({ length: 30 }, (_, i) => Number((0.0001 * 1.2 ** i).toPrecision(3))),
      0.03,
      0.1,
      0.3,
      1,
      10,
    ],
  },
  yard_projection_lag_events: {
    kind: 'gauge',
    help: 'Events not yet in the read model.',
    labels: ['projection'],
  },
  yard_archive_lag_messages: {
    kind: 'gauge',
    help: 'Messages of all streams that are not in the archive yet.',
    labels: [],
  },
  yard_snapshots_total: {
    kind: 'counter',
    help: 'Snapshots that roles went on from, or passed over because they did not hold.',
    labels: ['what'],
  },
  yard_snapshot_lag_messages: {
    kind: 'gauge',
    help: 'Messages of the streams of a role since its last snapshot.',
    labels: ['role'],
  },
  yard_log_first_sequence: {
    kind: 'gauge',
    help: 'First message of a stream that the broker still holds; what lies before it was purged and is in the archive.',
    labels: ['stream'],
  },
  yard_workers: { kind: 'gauge', help: 'Workers, by state.', labels: ['state'] },
  yard_capacity_used_ratio: {
    kind: 'gauge',
    help: 'Leased part of the capacity, by resource.',
    labels: ['resource'],
  },
  yard_http_requests_total: { kind: 'counter', help: 'HTTP requests, by status class.', labels: ['status'] },
} as const satisfies Record<
  string,
  {
    kind: 'counter' | 'gauge' | 'histogram';
    help: string;
    labels: readonly string[];
    buckets?: readonly number[];
  }
>;

export type MetricName = keyof typeof METRICS_TABLE;

/** How often the lag of the event loop is looked at: each look wakes the process, and 100 a second are half of what an idle yard does. */
const LOOP_LOOK_MS = 200;

/** Counters, gauges and histograms of one process, as Prometheus text. */
export class Metrics {
  readonly registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, BucketHistogram>();

  constructor(service: string) {
    for (const [name, row] of Object.entries(METRICS_TABLE)) {
      const common = { name, help: row.help, labelNames: [...row.labels], registers: [this.registry] };
      if (row.kind === 'counter') this.#counters.set(name, new Counter(common));
      else if (row.kind === 'gauge') this.#gauges.set(name, new Gauge(common));
      else this.#histograms.set(name, new BucketHistogram(name, row.help, row.buckets, this.registry));
    }
    // Of each process its own: they are told apart by what it does.
    collectDefaultMetrics({
      register: this.registry,
      prefix: 'yard_',
      labels: { service },
      eventLoopMonitoringPrecision: LOOP_LOOK_MS,
    });
  }

  count(name: MetricName, by = 1, labels: Record<string, string> = {}): void {
    this.#counters.get(name)?.inc(labels, by);
  }

  set(name: MetricName, value: number, labels: Record<string, string> = {}): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  observe(name: MetricName, value: number): void {
    this.#histograms.get(name)?.observe(value);
  }

  /** Plain data, to be sent to whoever asks for the metrics of all processes. */
  async values(): Promise<readonly unknown[]> {
    return await this.registry.getMetricsAsJSON();
  }

  /** As Prometheus text; with those of `others`, counters and gauges of one name and label added up. */
  async text(others: readonly (readonly unknown[])[] = []): Promise<string> {
    if (others.length === 0) return await this.registry.metrics();
    const all = [await this.values(), ...others] as MetricObject[][];
    return await AggregatorRegistry.aggregate(all).metrics();
  }
}
