import type { AlertKind } from '@yardmaster/domain';
import { code, table } from './markdown.js';
import { sourceFiles } from './source-files.js';

/** When each is raised, and what to do. */
const ALERTS: Readonly<Record<AlertKind, readonly [when: string, todo: string]>> = {
  'worker-unhealthy': [
    'a worker was silent for 15 s, or has not come back within 15 s after the resource manager started; a lost one is named until it is back, an hour at most',
    'check the machine and its network; after 30 s of silence its attempts run elsewhere',
  ],
  'resource-manager-unhealthy': [
    'no resource manager has answered for 6 s: nothing new is placed',
    'start a resource-manager',
  ],
  'service-unhealthy': [
    'a process of the yard has not been heard for 6 s',
    'look at its log; start it again',
  ],
  'capacity-idle': [
    'workers have had nothing to do for 10 min',
    'remove workers that are not needed, or move work here',
  ],
  'no-worker-fits': [
    'tasks have waited for a minute and no worker is healthy',
    'start an agent, or an SDK worker with that handler',
  ],
  'projection-behind': [
    'a view has halted, has waited for its database for a minute, is a million events behind for a minute, or nobody keeps it',
    'look at the projector and its databases; `yard admin verify` compares, `yard admin rebuild` makes a view anew',
  ],
  'task-stuck': [
    'those who know a task have contradicted each other, unchanged, for the time of its lease and 30 s more: its owner ended it and the resource manager holds a lease, the queue takes it for running and there is no lease, ...',
    'what it says: `yard task force-end ID --reason TEXT`, or start the queue-manager or the resource-manager again; a new owner puts right what rests on nothing',
  ],
};

export function alertTable(): string {
  const monitor = sourceFiles('apps/monitor').map(({ text }) => text);
  const rows = (Object.keys(ALERTS) as AlertKind[]).map((kind) => {
    const [when, todo] = ALERTS[kind];
    const isRaised = monitor.some((text) => text.includes(`'${kind}'`) || text.includes(`\`${kind}/`));
    return [code(kind), when, isRaised ? todo : 'reserved: not raised yet'];
  });
  return table(['alert', 'when', 'what to do'], rows);
}
