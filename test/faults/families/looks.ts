import type { Child } from '../yard/child.js';
import type { YardUnderTest } from '../yard/yard-under-test.js';

/** Sum of a counter over its labels and all processes, as a gateway tells it. */
export async function counter(
  { urls, token }: Pick<YardUnderTest, 'urls' | 'token'>,
  name: string,
): Promise<number> {
  let text = '';
  for (const url of urls) {
    const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } }).catch(
      () => null,
    );
    if (answer?.ok !== true) continue;
    text = await answer.text();
    break;
  }
  const lines = text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+]+)$`, 'gm'));
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Reports that were refused because the lease was not held any more. */
export function staleReports(yard: Pick<YardUnderTest, 'urls' | 'token'>): Promise<number> {
  return counter(yard, 'yard_stale_reports_total');
}

export function child(nodes: YardUnderTest['nodes'], name: string): Child {
  const one = nodes.get(name);
  if (one === undefined) throw new Error(`there is no ${name}`);
  return one;
}

export function count(of: ReadonlyMap<string, number>): number {
  return [...of.values()].reduce((sum, n) => sum + n, 0);
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
