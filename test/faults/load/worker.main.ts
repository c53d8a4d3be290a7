// A worker as a user writes one. It appends what it does to a file of its own, before the yard hears of it.
import { appendFileSync } from 'node:fs';
import { Worker } from '@yardmaster/sdk';
import { bootMs } from './truth.js';

const [truth = '', name = '', ...urls] = process.argv.slice(2);
let connections = 0;
const stop = new AbortController();
process.on('SIGTERM', () => {
  stop.abort();
});

interface Context {
  readonly taskId: string;
  readonly attempt: number;
  readonly fence: number;
  readonly signal: AbortSignal;
}

function write(what: 'begin' | 'end' | 'cut', { taskId, attempt, fence }: Context): void {
  const line = `${what} ${taskId} ${String(attempt)} ${String(fence)} ${name}:${String(process.pid)} ${String(bootMs())}\n`;
  appendFileSync(truth, line);
}

await new Worker({
  url: () => urls[connections++ % urls.length] ?? '',
  token: process.env['YARD_TOKEN'] ?? '',
  name,
  concurrency: 8,
  signal: stop.signal,
  handlers: {
    work: async ({ ms }: { ms: number }, context) => {
      write('begin', context);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        context.signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      });
      if (context.signal.aborted) {
        write('cut', context);
        throw new Error('told to end');
      }
      write('end', context);
      return { fence: context.fence };
    },
  },
}).run();
