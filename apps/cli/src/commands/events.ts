import type { EventResponse } from '@yardmaster/sdk';
import { EXIT } from '../exit.js';
import { withYard, type Action } from '../invocation.js';
import { colours, cut, plain } from '../output/colour.js';
import { out, outputForm, printData } from '../output/print.js';
import { inline } from '../output/values.js';

/** The log is read to its end: so long a silence after the last event is taken for it. */
const SILENCE_MS = 700;

export const events: Action = ({ options }) =>
  withYard(
    options,
    async (yard) => {
      const isFollowing = options['follow'] === true;
      const from = (options['from'] as string | undefined) ?? (isFollowing ? 'now' : 'start');
      const stop = new AbortController();
      process.once('SIGINT', () => {
        stop.abort();
      });
      let silence: NodeJS.Timeout | undefined;
      const waitOn = (): void => {
        if (isFollowing) return;
        clearTimeout(silence);
        silence = setTimeout(() => {
          stop.abort();
        }, SILENCE_MS);
      };
      const filter = { workflow: options['workflow'], task: options['task'] } as {
        workflow?: string;
        task?: string;
      };
      const form = options.output === undefined && !process.stdout.isTTY ? 'json' : outputForm(options);
      try {
        await yard.onEvents({
          ...filter,
          signal: stop.signal,
          ...(from === 'now' ? {} : { from }),
          ...(options['types'] === undefined ? {} : { types: String(options['types']).split(',') }),
          onOpen: waitOn,
          onBatch: async (batch) => {
            waitOn();
            if (form === 'json') {
              const lines: string[] = [];
              batch.scan((_, json) => lines.push(json));
              process.stdout.write(`${lines.join('\n')}\n`);
            } else {
              for (const event of batch.events) {
                if (form === 'yaml') {
                  out('---');
                  await printData(event, 'yaml');
                } else out(form === 'name' ? event.type : line(event));
              }
            }
          },
        });
      } finally {
        clearTimeout(silence);
      }
      return EXIT.ok;
    },
    '60s',
  );

function line(event: EventResponse): string {
  const { dim, red, green } = colours(process.stdout);
  const { type, time, task, workflow, name, state, attempt, worker, error, result } = event;
  const words = [
    task ?? workflow ?? '',
    name === undefined ? '' : plain(name),
    attempt === undefined ? '' : `attempt ${String(attempt)}`,
    worker === undefined ? '' : `on ${plain(worker)}`,
    error ? red(plain(error)) : '',
    result === undefined || result === null ? '' : `→ ${cut(plain(inline(result)), 80)}`,
  ];
  const paint = state === 'succeeded' ? green : error ? red : (text: string): string => text;
  return `${dim(time)}  ${paint(type.padEnd(16))}  ${words.filter((w) => w !== '').join('  ')}`;
}
