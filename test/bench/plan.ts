import type { BulkItem } from '@yardmaster/sdk';

export interface Plan {
  readonly runs: number;
  readonly quick: boolean;
  readonly wants: (name: string) => boolean;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function checked(items: readonly BulkItem[]): readonly BulkItem[] {
  const bad = items.find((item) => !item.ok);
  if (bad?.ok === false) throw bad.error;
  return items;
}

/** Values of several runs. Before each, `between` waits until the yard has nothing to do any more. */
export async function repeat(
  runs: number,
  run: (i: number) => Promise<number>,
  between: () => Promise<void> = () => Promise.resolve(),
): Promise<number[]> {
  const values: number[] = [];
  for (let i = 0; i < runs; i++) {
    await between();
    values.push(await run(i));
  }
  return values;
}
