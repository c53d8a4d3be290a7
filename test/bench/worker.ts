import { Worker } from '@yardmaster/sdk';

const [url = '', concurrency = '4000'] = process.argv.slice(2);
const stop = new AbortController();
process.on('SIGTERM', () => {
  stop.abort();
});
await new Worker({
  url,
  token: process.env['YARD_TOKEN'] ?? '',
  concurrency: Number(concurrency),
  signal: stop.signal,
  handlers: {
    noop: () => undefined,
    pause: () => new Promise((resolve) => setTimeout(resolve, 300)),
    // The monotonic clock is the same in every process of a machine.
    clock: () => String(process.hrtime.bigint()),
  },
}).run();
