import type { AlertResponse, DeadLetterResponse } from '@yardmaster/sdk';
import { EXIT } from '../exit.js';
import { countOf } from './task.js';
import { withYard, type Action } from '../invocation.js';
import { cut } from '../output/colour.js';
import { note, outputForm, printData, printList, printTable, type View } from '../output/print.js';
import { ago, amount, took } from '../output/values.js';

export const capacity: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const view = await yard.capacity();
    const form = outputForm(options);
    if (form === 'json' || form === 'yaml') {
      await printData(view, form);
      return EXIT.ok;
    }
    const rows = Object.entries(view.total).map(([name, total]) => {
      const used = view.used[name] ?? 0;
      return {
        name,
        used: amount(name, used),
        total: amount(name, total),
        share: total > 0 ? `${String(Math.round((used / total) * 100))}%` : '-',
      };
    });
    if (rows.length === 0) note('no capacity: no worker has joined');
    else {
      printTable(rows, [
        { title: 'RESOURCE', of: (r) => r.name },
        { title: 'USED', of: (r) => r.used },
        { title: 'TOTAL', of: (r) => r.total },
        { title: 'SHARE', of: (r) => r.share },
      ]);
    }
    note(
      `workers: ${
        Object.entries(view.workers)
          .map(([state, n]) => `${String(n)} ${state}`)
          .join(', ') || 'none'
      }`,
    );
    for (const { runtime, count, oldestAgeMs } of view.waiting)
      note(`waiting for ${runtime}: ${String(count)}, the oldest for ${took(oldestAgeMs)}`);
    return EXIT.ok;
  });

const ALERTS: View<AlertResponse> = {
  columns: [
    { title: 'KIND', of: (a) => a.kind },
    { title: 'SUBJECT', of: (a) => cut(a.subject, 30) },
    { title: 'SINCE', of: (a) => ago(a.raisedAt) },
    { title: 'CLEARED', of: (a) => ago(a.clearedAt), isWide: true },
    { title: 'WHAT', of: (a) => a.message },
    { title: 'DO', of: (a) => a.action },
  ],
  name: (a) => a.id,
  none: 'no alerts',
};

export const alerts: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const page = await yard.alerts();
    const items = options['all'] === true ? page.items : page.items.filter((a) => a.clearedAt === null);
    await printList(items, ALERTS, options, { ...page, items });
    return EXIT.ok;
  });

const DEAD_LETTERS: View<DeadLetterResponse> = {
  columns: [
    { title: 'SEEN', of: (l) => ago(l.at) },
    { title: 'WHERE', of: (l) => l.where },
    { title: 'SUBJECT', of: (l) => cut(l.subject, 40) },
    { title: 'BYTES', of: (l) => String(l.bytes) },
    { title: 'NODE', of: (l) => l.node, isWide: true },
    { title: 'WHY', of: (l) => cut(l.reason.split('\n')[0] ?? '', 80) },
    {
      title: 'BEGINS',
      of: (l) => JSON.stringify(Buffer.from(l.head, 'base64').toString('latin1').slice(0, 60)),
      isWide: true,
    },
  ],
  name: (l) => l.subject,
  none: 'no dead letters',
};

export const deadLetters: Action = ({ options }) =>
  withYard(options, async (yard) => {
    const page = await yard.deadLetters({ limit: countOf(options['limit']) });
    await printList(page.items, DEAD_LETTERS, options, page);
    return EXIT.ok;
  });
