import type { ClusterNodeResponse } from '@yardmaster/sdk';

/** The feature level that the cluster could be raised to, as far as its nodes go; null when it works at that. */
export function higherLevel(level: number, nodes: readonly ClusterNodeResponse[]): number | null {
  const can = Math.min(...nodes.filter(({ state }) => state === 'up').map((node) => node.level));
  return Number.isFinite(can) && can > level ? can : null;
}
