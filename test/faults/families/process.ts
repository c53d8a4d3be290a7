import type { Fault } from '../fault.js';
import { moved, ownerOf, untilMoved } from './owners.js';

/** One role of each service that has any. */
const ROLES = [
  ['submitter', 'submitter/0', '2'],
  ['batcher', 'batcher/main', '2'],
  ['queue-manager', 'queue/main', '4'],
  ['resource-manager', 'resources/main', '5'],
  ['ratelimiter', 'limits', '1-6'],
  ['idgen', 'ids', '1-6'],
  ['monitor', 'monitor', '1-6'],
  ['projector', 'project/relational', '3'],
] as const;

const killed: Fault[] = ROLES.map(([service, role, of]) => ({
  name: `kill-${service}`,
  family: 'process',
  of,
  what: `kill -9 of the owner of ${role}`,
  on: 'apart',
  strike: async (scene) => {
    const owner = await ownerOf(scene, role);
    owner.child.signal('SIGKILL');
    await owner.child.gone();
    const next = await untilMoved(scene, role, owner);
    return { proof: async () => moved(role, owner, next) };
  },
}));

export const PROCESS_FAULTS: readonly Fault[] = [...killed];
