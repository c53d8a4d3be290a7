// A worker whose tasks are functions. Run it beside a yard: npx node examples/handlers/worker.mjs
import { TerminalError, Worker, resolveConnection } from '@yardmaster/sdk';

// YARD_URL and YARD_TOKEN, else the state directory of a yard that was started here.
const { url, token } = resolveConnection();
const worker = new Worker({
  url,
  token,
  concurrency: 20,
  handlers: {
    'word-lengths': async ({ text }) => {
      if (typeof text !== 'string') throw new TerminalError('the input needs a text'); // no retry would help
      return text.split(/\s+/).map((word) => word.length);
    },
    'slow-square': async ({ n }, ctx) => {
      for (let step = 1; step <= 5; step++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        if (ctx.signal.aborted) throw ctx.signal.reason; // cancelled, or over its time cap
        ctx.heartbeat({ progress: step / 5 });
      }
      return n * n;
    },
  },
});

const stop = () => void worker.stop();
process.once('SIGINT', stop).once('SIGTERM', stop);
console.log('waiting for tasks; Ctrl-C ends it');
await worker.run();
