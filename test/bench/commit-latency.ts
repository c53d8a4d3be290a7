/** Upper bound in seconds -> cumulative count, of `yard_log_commit_seconds`. */
export type CommitHistogram = ReadonlyMap<number, number>;

export async function commitHistogram(url: string, token: string): Promise<CommitHistogram> {
  const text = await (
    await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  ).text();
  const buckets = new Map<number, number>();
  for (const [, le, count] of text.matchAll(/yard_log_commit_seconds_bucket\{le="([^"]+)"\} (\d+)/g))
    buckets.set(le === '+Inf' ? Infinity : Number(le), Number(count));
  return buckets;
}

/** Median commit between two readings, ms, interpolated inside its bucket. */
export function medianCommitMs(before: CommitHistogram, after: CommitHistogram): number {
  const rows = [...after]
    .map(([le, count]) => [le, count - (before.get(le) ?? 0)] as const)
    .sort(([a], [b]) => a - b);
  const total = rows.at(-1)?.[1] ?? 0;
  let low = 0;
  let below = 0;
  for (const [le, count] of rows) {
    if (count >= total / 2 && le !== Infinity)
      return (low + ((le - low) * (total / 2 - below)) / Math.max(1, count - below)) * 1000;
    low = le;
    below = count;
  }
  return NaN;
}
