import type { WorkerResponse } from '@yardmaster/sdk';
import { EXIT, usage } from '../exit.js';
import { withYard, type Action } from '../invocation.js';
import { cut } from '../output/colour.js';
import { note, printList, type View } from '../output/print.js';
import { amount, took, words } from '../output/values.js';

const WORKERS: View<WorkerResponse> = {
  columns: [
    { title: 'ID', of: (w) => w.id },
    { title: 'NAME', of: (w) => cut(w.name, 30) },
    { title: 'KIND', of: (w) => w.kind },
    { title: 'STATE', of: (w) => w.state },
    { title: 'RUNS', of: (w) => String(w.leases) },
    {
      title: 'USED',
      of: (w) =>
        Object.entries(w.capacity)
          .map(([name, of]) => `${name} ${amount(name, w.used[name] ?? 0)}/${amount(name, of)}`)
          .join('  '),
    },
    { title: 'SEEN', of: (w) => (w.lastHeartbeatMsAgo === null ? '-' : `${took(w.lastHeartbeatMsAgo)} ago`) },
    { title: 'HANDLERS', of: (w) => cut(w.handlers.join(','), 40) || '-', isWide: true },
    { title: 'LABELS', of: (w) => cut(words(w.labels), 40), isWide: true },
    { title: 'TENANT', of: (w) => w.tenant ?? '(all)', isWide: true },
    { title: 'GATEWAY', of: (w) => w.gateway, isWide: true },
  ],
  name: (w) => w.id,
  none: 'no workers: `yard agent start` brings one up on this machine',
};

export const list: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const page = await yard.workers.list();
    await printList(page.items, WORKERS, options, page);
    return EXIT.ok;
  });

export const cordon: Action = ({ args: [id = ''], options }) =>
  withYard(options, async (yard) => {
    const worker = await yard.workers.cordon(id);
    note(
      `worker ${worker.id} is ${worker.state}: it finishes the ${String(worker.leases)} that it runs and gets no more`,
    );
    return EXIT.ok;
  });

export const drain: Action = ({ args: [id = ''], options }) =>
  withYard(options, async (yard) => {
    const onDeadline = String(options['onDeadline']);
    if (onDeadline !== 'kill' && onDeadline !== 'checkpoint' && onDeadline !== 'wait')
      throw usage('--on-deadline is kill, checkpoint or wait');
    const deadline = String(options['deadline']);
    const worker = await yard.workers.drain(id, { deadline, onDeadline });
    note(
      `worker ${worker.id} is ${worker.state}: it has ${deadline} to finish the ${String(worker.leases)} that it runs`,
    );
    return EXIT.ok;
  });

export const uncordon: Action = ({ args: [id = ''], options }) =>
  withYard(options, async (yard) => {
    const worker = await yard.workers.uncordon(id);
    note(`worker ${worker.id} is ${worker.state}`);
    return EXIT.ok;
  });
