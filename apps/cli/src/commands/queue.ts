import type { QueueResponse } from '@yardmaster/sdk';
import { EXIT } from '../exit.js';
import { withYard, type Action } from '../invocation.js';
import { note, printList, type View } from '../output/print.js';

const QUEUES: View<QueueResponse> = {
  columns: [
    { title: 'NAME', of: (q) => q.name },
    { title: 'STATE', of: (q) => (q.paused ? 'paused' : 'open') },
    { title: 'READY', of: (q) => String(q.ready) },
    { title: 'QUEUED', of: (q) => String(q.visible) },
    { title: 'RUNNING', of: (q) => String(q.leased) },
    { title: 'BACKING OFF', of: (q) => String(q.backingOff) },
  ],
  name: (q) => q.name,
  none: 'no queues yet',
};

export const list: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const page = await yard.queues.list();
    await printList(page.items, QUEUES, options, page);
    return EXIT.ok;
  });

export const set: Action = ({ args: [name = ''], options }) =>
  withYard(options, async (yard) => {
    const wanted = String(options['leaseTtl']);
    const queue = await yard.queues.setLeaseTtl(name, wanted === 'default' ? null : wanted);
    note(
      `workers may be silent for ${String(queue.leaseTtlMs / 1_000)} s under new leases of queue ${queue.name}`,
    );
    return EXIT.ok;
  });

export const pause: Action = ({ args: [name = ''], options }) =>
  withYard(options, async (yard) => {
    const queue = await yard.queues.pause(name);
    note(`queue ${queue.name} is paused: what runs goes on, nothing starts`);
    return EXIT.ok;
  });

export const resume: Action = ({ args: [name = ''], options }) =>
  withYard(options, async (yard) => {
    const queue = await yard.queues.resume(name);
    note(`queue ${queue.name} is open`);
    return EXIT.ok;
  });
