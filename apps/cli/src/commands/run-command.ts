import type { TaskRequest } from '@yardmaster/sdk';
import { EXIT } from '../exit.js';
import { withYard, type Action } from '../invocation.js';
import { note, out } from '../output/print.js';
import { printLogs } from '../watch/logs.js';
import { timeLimit } from '../watch/time-limit.js';

/** Submits one command, streams its output and ends as it ended. Ctrl-C cancels it. */
export const runCommand: Action = async ({ options, rest }) => {
  const command = [...(rest ?? [])];
  const { cpu, mem, name } = options as { cpu?: string; mem?: string; name?: string };
  const request: TaskRequest = {
    name: name ?? (command[0] ?? '').split('/').at(-1)?.slice(0, 200) ?? '',
    run: { command },
    ...(cpu === undefined && mem === undefined
      ? {}
      : {
          resources: { ...(cpu === undefined ? {} : { cpu }), ...(mem === undefined ? {} : { memory: mem }) },
        }),
  };
  return withYard(
    options,
    async (yard) => {
      const task = await yard.tasks.submit(request);
      if (options['wait'] === false) {
        out(task.id);
        return EXIT.ok;
      }
      note(`task ${task.id}`);
      let interrupts = 0;
      const onInterrupt = (): void => {
        if (interrupts++ > 0) process.exit(EXIT.interrupted);
        note('cancelling; Ctrl-C again leaves at once');
        task.cancel().catch((error: unknown) => {
          note(`yard: ${String(error)}`);
        });
      };
      process.on('SIGINT', onInterrupt);
      const leave = new AbortController();
      try {
        const logs = printLogs(yard, task.id, { follow: true, signal: leave.signal }).catch(
          (error: unknown) => {
            if (!leave.signal.aborted) note(`yard: the output cannot be read: ${(error as Error).message}`);
          },
        );
        const ended = await task.wait(timeLimit(options));
        // The last of the output may still be on its way.
        await Promise.race([logs, new Promise((resolve) => setTimeout(resolve, 5_000).unref())]);
        if (ended.status === 'done') return EXIT.ok;
        note(`task ${task.id} is ${ended.state}${ended.error === null ? '' : `: ${ended.error}`}`);
        return interrupts > 0 ? EXIT.interrupted : EXIT.failed;
      } finally {
        leave.abort(new Error('over'));
        process.removeListener('SIGINT', onInterrupt);
      }
    },
    '60s',
  );
};
