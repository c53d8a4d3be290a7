import type { FeatureLevelRaised } from '../events/index.js';
import type { ClusterState } from './cluster-state.js';
import { type ClusterSight, NODE_SILENT_MS } from './cluster.decide.js';

export type RaiseDecision =
  | { readonly kind: 'accepted'; readonly event: FeatureLevelRaised }
  /** All work at the highest level that they can. */
  | { readonly kind: 'ignored' }
  /** Some cannot follow, or nobody knows whether they can. */
  | { readonly kind: 'rejected'; readonly why: string };

/** To the highest level that every node can work at, for good: programs that know less get no roles from then on. `own`: the manager's. */
export function decideRaise(state: ClusterState, sight: ClusterSight, own: number): RaiseDecision {
  const heard = sight.nodes.filter(({ isLeaving }) => !isLeaving);
  const unheard = new Set(state.nodes.keys());
  for (const { node, silentMs } of sight.nodes) if (silentMs < NODE_SILENT_MS) unheard.delete(node);
  if (unheard.size > 0)
    return {
      kind: 'rejected',
      why: `nobody knows what ${[...unheard].join(', ')} can: not heard of late`,
    };
  const level = Math.min(own, ...heard.map((node) => node.level));
  if (level > state.level) return { kind: 'accepted', event: { type: 'FeatureLevelRaised', level } };
  const behind = heard.filter((node) => node.level < own);
  if (behind.length === 0) return { kind: 'ignored' };
  return {
    kind: 'rejected',
    why: `${behind.map((node) => `${node.node} (level ${String(node.level)})`).join(', ')} cannot work at a higher level`,
  };
}
