import type { ClusterResponse } from '@yardmaster/sdk';
import { until } from '../tools/until.js';
import type { Proof, Scene } from '../fault.js';
import type { Child } from '../yard/child.js';
import { PATIENCE_MS } from '../yard/wholeness.js';

type RoleView = ClusterResponse['roles'][number];

export interface Owner {
  readonly child: Child;
  readonly node: string;
  readonly epoch: number;
}

export async function ownerOf({ yard }: Scene, role: string): Promise<Owner> {
  return await until(
    `an owner of ${role}`,
    async () => {
      const had = roleIn(await yard.cluster(), role);
      const child = yard.nodes.get(had?.node ?? '');
      return had?.node == null || had.state !== 'active' || child === undefined
        ? null
        : { child, node: had.node, epoch: had.epoch };
    },
    { withinMs: PATIENCE_MS, everyMs: 200 },
  );
}

/** Waits until another process is the active owner. */
export async function untilMoved({ yard }: Scene, role: string, from: Owner): Promise<Owner> {
  return await until(
    `another owner of ${role}`,
    async () => {
      const now = roleIn(await yard.cluster(), role);
      const child = yard.nodes.get(now?.node ?? '');
      return now?.node == null || child === undefined || now.state !== 'active' || now.epoch <= from.epoch
        ? null
        : { child, node: now.node, epoch: now.epoch };
    },
    { withinMs: PATIENCE_MS, everyMs: 200 },
  );
}

export function moved(role: string, from: Owner, to: Owner): Proof {
  return {
    hit: to.epoch > from.epoch && to.node !== from.node,
    seen: `${role} went from ${from.node} to ${to.node}, epoch ${String(from.epoch)} to ${String(to.epoch)}`,
  };
}

function roleIn(cluster: ClusterResponse | null, role: string): RoleView | undefined {
  return cluster?.roles.find((one) => one.role === role);
}
