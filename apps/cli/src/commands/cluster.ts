import type { ClusterNodeResponse, ClusterRoleResponse } from '@yardmaster/sdk';
import { EXIT } from '../exit.js';
import { withYard, type Action } from '../invocation.js';
import { higherLevel } from '../output/higher-level.js';
import { note, printList, type View } from '../output/print.js';

const NODES: View<ClusterNodeResponse> = {
  columns: [
    { title: 'NODE', of: (n) => n.node },
    { title: 'SERVICE', of: (n) => n.service },
    { title: 'STATE', of: (n) => n.state },
    { title: 'SEEN', of: (n) => `${(n.lastSeenMs / 1000).toFixed(1)}s ago` },
    { title: 'LEVEL', of: (n) => String(n.level) },
    { title: 'LAG', of: (n) => String(n.lag) },
    { title: 'ROLES', of: (n) => (n.roles.length === 0 ? '-' : n.roles.join(' ')) },
  ],
  name: (n) => n.node,
  none: 'no node has been heard yet',
};

const ROLES: View<ClusterRoleResponse> = {
  columns: [
    { title: 'ROLE', of: (r) => r.role },
    { title: 'NODE', of: (r) => r.node ?? '-' },
    { title: 'EPOCH', of: (r) => String(r.epoch) },
    { title: 'STATE', of: (r) => r.state },
  ],
  name: (r) => r.role,
  none: 'no role has been given yet',
};

export const cluster: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const view = await yard.cluster();
    if (options['roles'] === true) await printList(view.roles, ROLES, options, view);
    else await printList(view.nodes, NODES, options, view);
    note(levelLine(view.level, view.nodes));
    return EXIT.ok;
  });

function levelLine(level: number, nodes: readonly ClusterNodeResponse[]): string {
  const can = higherLevel(level, nodes);
  const more = can === null ? '' : `; every node can work at ${String(can)}: yard admin feature-level raise`;
  return `feature level ${String(level)}${more}`;
}
