import { type ClusterResponse, Yard } from '@yardmaster/sdk';
import { until } from '../tools/until.js';

/** The machine may be busy with other things for minutes. */
export const PATIENCE_MS = 240_000;

export function clientOf(url: string, token: string): Yard {
  return new Yard({ url, token, retryFor: 0 });
}

/** The first gateway that answers. */
export async function clusterOf(clients: readonly Yard[]): Promise<ClusterResponse | null> {
  for (const client of clients) {
    const seen = await client.cluster().catch(() => null);
    if (seen !== null) return seen;
  }
  return null;
}

export async function untilWhole(
  clients: readonly Yard[],
  wanted: { readonly nodes: number; readonly agents: number },
): Promise<void> {
  await until(
    'a whole yard',
    async () => {
      const seen = await clusterOf(clients);
      if (seen === null) return false;
      if (seen.nodes.filter(({ state }) => state === 'up').length < wanted.nodes) return false;
      if (!seen.roles.every(({ state }) => state === 'active')) return false;
      for (const client of clients) {
        const { items } = await client.workers.list().catch(() => ({ items: [] }));
        const agents = items.filter(({ kind, state }) => kind === 'agent' && state === 'healthy');
        if (agents.length >= wanted.agents) return true;
      }
      return false;
    },
    { withinMs: PATIENCE_MS, everyMs: 250 },
  );
}
