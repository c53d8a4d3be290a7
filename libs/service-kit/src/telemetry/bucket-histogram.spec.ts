import { Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { BucketHistogram } from './bucket-histogram.js';

describe('a histogram of counts alone', () => {
  it("prints what the library's own prints", async () => {
    const bounds = [0.01, 0.1, 1];
    const ours = new Registry();
    const theirs = new Registry();
    const histogram = new BucketHistogram('seconds', 'Some seconds.', bounds, ours);
    const reference = new Histogram({
      name: 'seconds',
      help: 'Some seconds.',
      buckets: bounds,
      registers: [theirs],
    });
    for (const value of [0, 0.01, 0.011, 0.1, 0.5, 1, 2, 100]) {
      histogram.observe(value);
      reference.observe(value);
    }
    expect(await ours.metrics()).toBe(await theirs.metrics());
  });
});
