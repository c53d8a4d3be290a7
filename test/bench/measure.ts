import { cpus } from 'node:os';

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly n: number;
  readonly values: readonly number[];
  readonly more?: Readonly<Record<string, unknown>>;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN;
}

const rounded = (value: number): number =>
  value >= 100 ? Math.round(value) : Math.round(value * 1000) / 1000;

/** One JSON line: the median over the runs, with minimum and maximum. */
export function print({ name, unit, n, values, more }: Figure): void {
  const line = {
    name,
    value: rounded(quantile(values, 0.5)),
    unit,
    n,
    runs: values.length,
    min: rounded(Math.min(...values)),
    max: rounded(Math.max(...values)),
    durability: 'sync_interval: always, R1',
    cores: cpus().length,
    ...more,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Tasks a second of `work`, which does `n`. */
export async function rate(n: number, work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (n * 1000) / (performance.now() - began);
}
