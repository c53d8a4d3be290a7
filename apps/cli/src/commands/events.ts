import type { EventBatch, EventResponse } from '@yardmaster/sdk';
import { once } from 'node:events';
import { EXIT } from '../exit.js';
import { withYard, type Action, type OutputForm } from '../invocation.js';
import { colours, cut, plain } from '../output/colour.js';
import { out, outputForm, printData } from '../output/print.js';
import { inline } from '../output/values.js';

/** The log is read to its end: so long a silence is taken for it, after the last event and before the first. */
const SILENCE_MS = 700;
const FIRST_SILENCE_MS = 3_000;
/** So many events are put into the order of their times before they are shown; streams come side by side. */
const MOST_SORTED = 20_000;

export const events: Action = ({ options }) =>
  withYard(
    options,
    async (yard) => {
      const isFollowing = options['follow'] === true;
      const from = (options['from'] as string | undefined) ?? (isFollowing ? 'now' : 'start');
      const form = options.output === undefined && !process.stdout.isTTY ? 'json' : outputForm(options);
      const { workflow, task, types } = options as { workflow?: string; task?: string; types?: string };
      const stop = new AbortController();
      const end = (): void => {
        stop.abort();
      };
      process.once('SIGINT', end);
      let silence: NodeJS.Timeout | undefined;
      const waitFor = (ms: number): void => {
        clearTimeout(silence);
        if (!isFollowing) silence = setTimeout(end, ms);
      };
      const held: EventResponse[] = [];
      await yard.onEvents({
        signal: stop.signal,
        ...(from === 'now' ? {} : { from }),
        ...(types === undefined ? {} : { types: types.split(',') }),
        ...(workflow === undefined ? {} : { workflow }),
        ...(task === undefined ? {} : { task }),
        onOpen: () => {
          waitFor(FIRST_SILENCE_MS);
        },
        onBatch: async (batch) => {
          clearTimeout(silence);
          if (form === 'json') await printJson(batch);
          else held.push(...batch.events);
          if (isFollowing || held.length > MOST_SORTED) await show(held.splice(0), form);
          waitFor(SILENCE_MS);
        },
      });
      await show(held, form);
      return EXIT.ok;
    },
    '60s',
  );

async function printJson(batch: EventBatch): Promise<void> {
  const lines: string[] = [];
  batch.scan((_, json) => lines.push(json));
  if (!process.stdout.write(`${lines.join('\n')}\n`)) await once(process.stdout, 'drain');
}

async function show(events: EventResponse[], form: OutputForm): Promise<void> {
  events.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  for (const event of events) {
    if (form === 'yaml') {
      out('---');
      await printData(event, 'yaml');
    } else {
      out(form === 'name' ? event.type : line(event));
    }
  }
}

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
  return `${dim(time)}  ${paint(type.padEnd(17))}  ${words.filter((w) => w !== '').join('  ')}`;
}
