import type { Metric, Registry } from 'prom-client';

/**
 * Histogram without labels for what happens tens of thousands of times a second: an observation is one addition. The
 * library's own looks up labels by text at each.
 */
export class BucketHistogram {
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(
    readonly name: string,
    private readonly help: string,
    /** Upper bounds, rising. */
    private readonly bounds: readonly number[],
    registry: Registry,
  ) {
    this.#counts = new Float64Array(bounds.length + 1);
    // A registry needs of a metric its name and what it tells when asked.
    registry.registerMetric(this as unknown as Metric);
  }

  observe(value: number): void {
    this.#sum += value;
    const { bounds } = this;
    let i = 0;
    while (i < bounds.length && value > bounds[i]!) i++;
    this.#counts[i]! += 1;
  }

  /** What the registry prints. */
  get(): Promise<{
    name: string;
    help: string;
    type: 'histogram';
    values: { metricName: string; labels: Record<string, number | string>; value: number }[];
    aggregator: 'sum';
  }> {
    const { name } = this;
    const values: { metricName: string; labels: Record<string, number | string>; value: number }[] = [];
    let total = 0;
    for (let i = 0; i <= this.bounds.length; i++) {
      total += this.#counts[i]!;
      values.push({ metricName: `${name}_bucket`, labels: { le: this.bounds[i] ?? '+Inf' }, value: total });
    }
    values.push({ metricName: `${name}_sum`, labels: {}, value: this.#sum });
    values.push({ metricName: `${name}_count`, labels: {}, value: total });
    return Promise.resolve({ name, help: this.help, type: 'histogram', values, aggregator: 'sum' });
  }

  reset(): void {
    this.#counts.fill(0);
    this.#sum = 0;
  }
}
