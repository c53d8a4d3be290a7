import type { LogOptions, Yard } from '@yardmaster/sdk';
import { once } from 'node:events';

/** Prints stdout on stdout and stderr on stderr; both, when no stream is named. */
export async function printLogs(yard: Yard, id: string, options: LogOptions): Promise<void> {
  const streams = options.stream === undefined ? (['stdout', 'stderr'] as const) : [options.stream];
  const copy = async (stream: 'stdout' | 'stderr'): Promise<void> => {
    for await (const text of yard.tasks.logs(id, { ...options, stream })) {
      if (!process[stream].write(text)) await once(process[stream], 'drain');
    }
  };
  if (options.follow) await Promise.all(streams.map(copy));
  else for (const stream of streams) await copy(stream);
}
